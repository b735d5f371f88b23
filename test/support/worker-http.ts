import type { WorkerProcess } from './worker-process.js';

/** The answer of a probe, or of `/status`. */
export interface Probe {
  status: number;
  body: { ok?: boolean; parts?: Record<string, { ok: boolean; reason?: string }> } & Record<string, unknown>;
}

/** One line of a scrape. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The answers of a worker on its port. */
export interface WorkerHttp {
  url: string;
  probe(path: string): Promise<Probe>;
  scrape(): Promise<Sample[]>;
}

/** Waits until the worker has said where it answers. */
export async function workerHttp(worker: WorkerProcess): Promise<WorkerHttp> {
  const { port } = await worker.waitForLog(
    ({ message }) => message === 'HTTP server listening for probes and scrapes',
  );
  return httpAt(`http://127.0.0.1:${String(port)}`);
}

export function httpAt(url: string): WorkerHttp {
  return {
    url,
    async probe(path) {
      const response = await fetch(url + path);
      return { status: response.status, body: (await response.json()) as Probe['body'] };
    },
    async scrape() {
      const response = await fetch(`${url}/metrics`);
      return samplesOf(await response.text());
    },
  };
}

/** Sums what a metric says where these labels have these values. */
export function sumOf(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels);
  return samples
    .filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

export function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text]);
      return {
        name,
        labels: Object.fromEntries(pairs) as Record<string, string>,
        value: Number(value),
      };
    });
}
