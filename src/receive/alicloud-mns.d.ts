/** The part of @alicloud/mns 1.2.0 that vod-relay stands on; the package ships no types. */
declare module '@alicloud/mns' {
  export interface MnsOptions {
    accessKeyId: string;
    accessKeySecret: string;
    endpoint: string;
  }

  export interface MnsAnswer<Body> {
    code: number;
    body: Body;
  }

  export default class MNS {
    constructor(accountId: string, options: MnsOptions);
    accessKeyID: string;
    accessKeySecret: string;
    securityToken: string | undefined;
    /** Every operation below goes through this method. */
    request(
      method: string,
      resource: string,
      type: string,
      body: string | Buffer,
      attentions?: readonly string[],
      options?: object,
    ): Promise<unknown>;
    /** The headers of a request, signed for `resource` exactly as it goes on the request line. */
    buildHeaders(
      method: string,
      body: string | Buffer,
      resource: string,
      extra?: Record<string, string>,
    ): Record<string, string | number>;
    receiveMessage(queue: string, waitSeconds?: number | string): Promise<unknown>;
    batchReceiveMessage(queue: string, max: number, waitSeconds?: number | string): Promise<unknown>;
    deleteMessage(queue: string, receiptHandle: string): Promise<unknown>;
    batchDeleteMessage(queue: string, receiptHandles: readonly string[]): Promise<unknown>;
    changeMessageVisibility(queue: string, receiptHandle: string, seconds: number): Promise<unknown>;
    getQueueAttributes(queue: string): Promise<unknown>;
  }
}
