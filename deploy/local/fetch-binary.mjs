/**
 * Puts a program of the distribution into the project's cache, without root and without touching the system:
 * apt runs with lists, cache and configuration of its own in a temporary folder, and the package is unpacked,
 * not installed. The signatures are checked as always, with the system's sources and keys.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run, say, SetupError } from './run.mjs';

/** Downloads, unpacks and tries the program: `natsServer`, `middleNatsServer` or `promtool`. */
export async function fetchBinary(program) {
  const { name, packagedPath, cache } = program;
  if (!hasApt()) throw new SetupError(howToInstall(program, `there is no ${name} on this machine`));
  say(`fetching the distribution's ${name} into .cache (nothing is installed on the system)`);
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, '.fetch-'));
  try {
    const deb = await download(program, folder);
    const unpacked = join(folder, 'unpacked');
    await must(program, 'dpkg-deb', ['-x', join(folder, deb), unpacked]);
    await must(program, join(unpacked, packagedPath), ['--version']);
    // The rest of the package is not needed, and may be large.
    const kept = join(folder, 'kept');
    mkdirSync(dirname(join(kept, packagedPath)), { recursive: true });
    renameSync(join(unpacked, packagedPath), join(kept, packagedPath));
    moveInto(kept, join(cache, deb.split('_')[1]), packagedPath);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Debian, Ubuntu and what is built on them. */
function hasApt() {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-deb'))
    return false;
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^(ID|ID_LIKE)=.*\b(debian|ubuntu)\b/m.test(release);
}

/**
 * An update that fails in part (a third-party source that is down) still leaves lists to download from, so
 * only the download's result counts.
 */
async function download(program, folder) {
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: privateAptConfig(folder, program.source) };
  let { output } = await run('apt-get', ['update', '-q'], { cwd: folder, env });
  for (const name of program.packages) {
    const fetched = await run('apt-get', ['download', '-q', name], { cwd: folder, env });
    const deb = readdirSync(folder).find((file) => file.endsWith('.deb'));
    if (fetched.code === 0 && deb !== undefined) return deb;
    output += fetched.output;
  }
  throw new SetupError(howToInstall(program, `apt-get could not download ${program.name}:\n${output}`));
}

/**
 * apt reads the file in APT_CONFIG first and then every file in Dir::Etc::Parts by name. The system's parts
 * are kept (proxies and mirrors are set there), and ours comes last: it moves all state here, keeps root from
 * switching to a user who cannot write here, and clears the hooks that other packages hang on an update. A
 * program with a source of its own is looked for in that suite of Debian alone, signed by the keys of the
 * system.
 */
function privateAptConfig(folder, source) {
  const parts = join(folder, 'apt.conf.d');
  for (const name of ['apt.conf.d', 'lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const systemParts = '/etc/apt/apt.conf.d';
  for (const name of existsSync(systemParts) ? readdirSync(systemParts) : []) {
    symlinkSync(join(systemParts, name), join(parts, name));
  }
  writeFileSync(
    join(parts, 'zzz-vod-relay'),
    [
      `Dir::State "${folder}";`,
      `Dir::State::lists "${folder}/lists";`,
      'Dir::State::status "/var/lib/dpkg/status";',
      `Dir::Cache "${folder}/cache";`,
      'Debug::NoLocking "1";',
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      'Acquire::Retries "3";',
      ...(source ? ownSource(folder, source) : []),
      '#clear APT::Update::Pre-Invoke;',
      '#clear APT::Update::Post-Invoke;',
      '#clear APT::Update::Post-Invoke-Success;',
      '',
    ].join('\n'),
  );
  const config = join(folder, 'apt.conf');
  writeFileSync(config, `Dir::Etc::Parts "${parts}";\n`);
  return config;
}

function ownSource(folder, { suite, keyring }) {
  const list = join(folder, 'sources.list');
  writeFileSync(list, `deb [signed-by=${keyring}] http://deb.debian.org/debian ${suite} main\n`);
  return [`Dir::Etc::SourceList "${list}";`, 'Dir::Etc::SourceParts "-";', 'Acquire::http::Timeout "20";'];
}

/** A rename is whole or not at all; when another set-up was first, its folder is as good. */
function moveInto(from, to, packagedPath) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(join(to, packagedPath))) throw error;
  }
}

async function must(program, command, args) {
  const { code, output } = await run(command, args);
  if (code !== 0) {
    throw new SetupError(howToInstall(program, `${command} failed (exit code ${code}): ${output}`));
  }
}

function howToInstall({ packages, install, otherWays }, problem) {
  const first =
    install[process.platform] ?? `install the package ${packages.join(' or ')} with your package manager`;
  return [
    problem,
    '',
    'Do one of these and run the same command again:',
    ...[first, ...otherWays].map((line) => `  ${line}`),
  ].join('\n');
}
