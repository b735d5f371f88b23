import type { PodSecurityContext, PodSpec, SecurityContext } from 'kubernetes-types/core/v1.js';

const volumeTypes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/**
 * The violations of the level `restricted` of the Pod Security Standards, of Kubernetes 1.36, all of its
 * rules; and what this project asks for besides: a root file system that is read-only, requests, and a limit
 * of memory.
 */
export function podSecurityFaults(pod: PodSpec): string[] {
  const { securityContext: podContext = {}, volumes = [], containers, initContainers = [] } = pod;
  const faults = [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((key) => pod[key] === true),
    ...(podContext.sysctls ? ['sysctls'] : []),
    ...volumes
      .filter((volume) => !Object.keys(volume).every((key) => key === 'name' || volumeTypes.includes(key)))
      .map((volume) => `volume ${volume.name}`),
    ...contextFaults(podContext),
  ];
  for (const container of [...containers, ...initContainers]) {
    const { securityContext: own = {}, ports = [], resources = {} } = container;
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities = {} } = own;
    const inForce = { ...podContext, ...own };
    const broken = {
      allowPrivilegeEscalation: allowPrivilegeEscalation !== false,
      runAsNonRoot: inForce.runAsNonRoot !== true,
      seccompProfile: !['RuntimeDefault', 'Localhost'].includes(inForce.seccompProfile?.type ?? ''),
      'capabilities.drop': capabilities.drop?.includes('ALL') !== true,
      'capabilities.add': capabilities.add?.some((name) => name !== 'NET_BIND_SERVICE') === true,
      hostPort: ports.some(({ hostPort = 0 }) => hostPort !== 0),
      readOnlyRootFilesystem: readOnlyRootFilesystem !== true,
      'resources.requests': !resources.requests?.['cpu'] || !resources.requests['memory'],
      'resources.limits.memory': !resources.limits?.['memory'],
    };
    const named = Object.entries(broken).flatMap(([name, isBroken]) => (isBroken ? [name] : []));
    faults.push(...[...named, ...contextFaults(own)].map((fault) => `${container.name}: ${fault}`));
  }
  return faults;
}

/** The fields that neither a pod nor a container may have. */
function contextFaults(context: SecurityContext & PodSecurityContext): string[] {
  const { appArmorProfile, seccompProfile, procMount = 'Default' } = context;
  const broken = {
    privileged: context.privileged === true,
    'runAsNonRoot: false': context.runAsNonRoot === false,
    'runAsUser: 0': context.runAsUser === 0,
    procMount: procMount !== 'Default',
    seLinuxOptions: context.seLinuxOptions !== undefined,
    windowsOptions: context.windowsOptions !== undefined,
    appArmorProfile: appArmorProfile?.type === 'Unconfined',
    'seccompProfile: Unconfined': seccompProfile?.type === 'Unconfined',
  };
  return Object.entries(broken).flatMap(([name, isBroken]) => (isBroken ? [name] : []));
}
