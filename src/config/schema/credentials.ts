import { choice, optional, path, secret, text } from './keys.js';
import type { Leaf } from './leaf.js';
import type { Variants } from '../read/union.js';

const ARN = 'acs:ram::<account>:';

/** The keys of each type. */
export const CREDENTIALS_VARIANTS = {
  access_key: { required: ['accessKeyId', 'accessKeySecret'], optional: [] },
  sts: { required: ['accessKeyId', 'accessKeySecret', 'securityToken'], optional: [] },
  oidc_role_arn: {
    required: ['roleArn', 'oidcProviderArn', 'oidcTokenFile'],
    optional: ['roleSessionName', 'stsEndpoint'],
  },
  ecs_ram_role: { required: [], optional: ['roleName'] },
} as const satisfies Variants;

/**
 * The variable that ACK's pod identity webhook sets for RRSA; used where the type is `oidc_role_arn` and the
 * key is unset.
 */
export const INJECTED_VARIABLES: Readonly<Record<string, string>> = {
  roleArn: 'ALIBABA_CLOUD_ROLE_ARN',
  oidcProviderArn: 'ALIBABA_CLOUD_OIDC_PROVIDER_ARN',
  oidcTokenFile: 'ALIBABA_CLOUD_OIDC_TOKEN_FILE',
  roleSessionName: 'ALIBABA_CLOUD_ROLE_SESSION_NAME',
};

/**
 * The common credentials. Nothing in them is ever shown in a problem: a secret in the wrong line is the
 * likeliest mistake here.
 */
export const credentialsSchema = {
  type: optional(
    choice(
      'How to sign calls to Alibaba Cloud; never guessed. Required unless every queue has credentials of its own. A later source that names another type replaces all of it.',
      ['access_key', 'sts', 'oidc_role_arn', 'ecs_ram_role'],
      { hidden: true },
    ),
  ),
  accessKeyId: optional(
    text('For `access_key` and `sts`.', {
      expected: 'an access key id',
      pattern: /^[A-Za-z0-9._-]{1,128}$/,
      hidden: true,
    }),
  ),
  accessKeyIdFile: optional(
    path('A file that holds the access key id, read again each minute, and when the key is refused.'),
  ),
  accessKeySecret: optional(secret('For `access_key` and `sts`.')),
  accessKeySecretFile: optional(path('A file that holds the access key secret, read again likewise.')),
  securityToken: optional(secret('For `sts`.')),
  securityTokenFile: optional(path('A file that holds the security token, read again likewise.')),
  roleArn: optional(
    text('For `oidc_role_arn` (RRSA); else `ALIBABA_CLOUD_ROLE_ARN`.', {
      expected: `the ARN of a role, ${ARN}role/<name>`,
      pattern: /^acs:ram::\d+:role\/\S+$/,
      hidden: true,
    }),
  ),
  oidcProviderArn: optional(
    text('For `oidc_role_arn`; else `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`.', {
      expected: `the ARN of an OIDC provider, ${ARN}oidc-provider/<name>`,
      pattern: /^acs:ram::\d+:oidc-provider\/\S+$/,
      hidden: true,
    }),
  ),
  oidcTokenFile: optional(
    path('For `oidc_role_arn`, read again at each refresh; else `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.'),
  ),
  roleSessionName: text(
    'For `oidc_role_arn`: the name in the audit log; else `ALIBABA_CLOUD_ROLE_SESSION_NAME`.',
    {
      expected: '2 to 64 letters, digits, or . @ - _',
      pattern: /^[A-Za-z0-9.@_-]{2,64}$/,
      default: 'vod-relay',
      hidden: true,
    },
  ),
  stsEndpoint: optional(
    text('For `oidc_role_arn`: the STS host, such as `sts-vpc.cn-shanghai.aliyuncs.com`.', {
      expected: 'a host name',
      pattern: /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/,
      hidden: true,
    }),
  ),
  roleName: optional(
    text('For `ecs_ram_role`: the role of the ECS instance; asked of the instance when unset.', {
      expected: 'the name of a role',
      pattern: /^[A-Za-z0-9.@_-]{1,64}$/,
      hidden: true,
    }),
  ),
};

/**
 * A queue's own credentials: no variable can reach into a list, so secrets may name the variable that holds
 * them.
 */
export const queueCredentialsSchema = {
  ...credentialsSchema,
  type: optional(
    choice(
      'Credentials of this queue alone, where the common ones do not fit.',
      ['access_key', 'sts', 'oidc_role_arn', 'ecs_ram_role'],
      { hidden: true },
    ),
  ),
  accessKeySecretEnv: optional(variableName('access key secret')),
  securityTokenEnv: optional(variableName('security token')),
};

function variableName(what: string): Leaf<string> {
  return text(`The name of an environment variable that holds the ${what}.`, {
    expected: 'the name of an environment variable',
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    hidden: true,
  });
}
