import type { Config, QueueConfig } from '../config/config.js';
import { VodClient } from '../follow-up/vod-client.js';
import { VodError } from '../follow-up/vod-error.js';
import type { CredentialsCache } from '../aliyun/credentials.js';
import type { Clock } from '../time.js';
import type { Check, Finding } from './check.js';

/** The quota that VOD documents for DeleteMultipartUpload. */
const documentedPerSecond = 10;
/** Less than a check may take, so that what failed is told by its name. */
const answerWithinMs = 8_000;

export interface VodChecks {
  checks: Check[];
  close: () => Promise<void>;
}

/** VOD as one queue reaches it: the settings, and whether the calls of a follow-up are permitted. */
export function vodChecks(
  { vod, allowPlainHttp }: QueueConfig,
  { followUp }: Config,
  credentials: CredentialsCache,
  clock: Clock,
): VodChecks {
  const area = `VOD ${vod.region} ${vod.account}`;
  const client = new VodClient({ endpoint: vod.endpoint, credentials, clock, answerWithinMs });
  const permission = (
    operation: 'GetVideoInfo' | 'DeleteMultipartUpload',
    needs: readonly Check[],
  ): Check => ({
    area,
    id: `vod:${operation}`,
    needs,
    run: async (signal) => {
      try {
        await client.probePermission(operation, signal);
        return { status: 'pass', what: `${vod.endpoint} answers, and permits it` };
      } catch (error) {
        if (!(error instanceof VodError)) throw error;
        return failure(error);
      }
    },
  });
  const settings: Check = {
    area,
    id: 'settings',
    run: () => Promise.resolve(settingFindings(vod, allowPlainHttp, followUp.callsPerSecond)),
  };
  const checks = [settings, permission('DeleteMultipartUpload', [])];
  if (followUp.guard) checks.push(permission('GetVideoInfo', []));
  return { checks, close: () => client.close() };
}

function failure({ kind, message, advice }: VodError): Finding {
  if (kind === 'throttled')
    return {
      status: 'warn',
      what: `${message}: others use up the quota of the account`,
      remedy: 'lower followUp.callsPerSecond, or ask Alibaba for a higher quota',
    };
  return { status: 'fail', what: message, remedy: advice.replace(/^it is retried[^;]*; /, '') };
}

/** The problems of the settings with which VOD is called; one row that all is well when there are none. */
export function settingFindings(
  { region, endpoint }: QueueConfig['vod'],
  allowPlainHttp: boolean,
  callsPerSecond: number,
): Finding[] {
  const findings: Finding[] = [];
  const ofEndpoint = /^https?:\/\/vod(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com$/.exec(endpoint)?.[1];
  if (ofEndpoint !== undefined && ofEndpoint !== region)
    findings.push({
      id: 'region',
      status: 'fail',
      what: `vod.endpoint is in ${ofEndpoint}, where no media of ${region} is found: nothing would be deleted`,
      remedy: `queues[].vod.endpoint: ${endpoint.replace(ofEndpoint, region)}`,
    });
  if (allowPlainHttp && endpoint.startsWith('http:'))
    findings.push({
      id: 'tls',
      status: 'warn',
      what: 'plain http: media ids and signatures can be read on the way',
      remedy: `queues[].vod.endpoint: ${endpoint.replace(/^http:/, 'https:')}`,
    });
  if (callsPerSecond > documentedPerSecond)
    findings.push({
      id: 'quota',
      status: 'warn',
      what: `${callsPerSecond} calls a second, while VOD documents ${documentedPerSecond} for an account`,
      remedy: `followUp.callsPerSecond: ${documentedPerSecond}, unless Alibaba has raised the quota`,
    });
  if (findings.length > 0) return findings;
  return [
    {
      status: 'pass',
      what: `${callsPerSecond} of the ${documentedPerSecond} calls a second that VOD allows`,
    },
  ];
}
