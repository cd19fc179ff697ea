import { request, type RequestOptions } from 'node:http';
import type { DockerInfo, Gathered } from './facts.ts';

/** A host that has just booted, or that is busy, answers late. */
export const timeoutMs = 20_000;
/** `GET /info` of a busy daemon is some 10 KB. */
const maxBodyBytes = 4 * 1024 * 1024;

/** Asks Docker two questions over plain HTTP: its client library takes longer to load than Docker to answer. */
export async function askDocker(host: string, signal: AbortSignal): Promise<Gathered<DockerInfo>> {
  try {
    const [version, info] = await Promise.all([get(host, '/version', signal), get(host, '/info', signal)]);
    return { value: toDockerInfo(version, info) };
  } catch (error) {
    signal.throwIfAborted();
    const { message, code } = error as NodeJS.ErrnoException;
    return { error: message, ...(code === undefined ? {} : { code }) };
  }
}

function toDockerInfo(version: Answer, info: Answer): DockerInfo {
  const text = (answer: Answer, field: string): string => {
    const value = answer[field];
    return typeof value === 'string' ? value : 'unknown';
  };
  const warnings = info['Warnings'];
  return {
    version: text(version, 'Version'),
    apiVersion: text(version, 'ApiVersion'),
    storageDriver: text(info, 'Driver'),
    cgroupDriver: text(info, 'CgroupDriver'),
    loggingDriver: text(info, 'LoggingDriver'),
    warnings: Array.isArray(warnings) ? warnings.map((warning) => String(warning).replace(/^WARNING: /, '')) : [],
  };
}

type Answer = Readonly<Record<string, unknown>>;

async function get(host: string, path: string, signal: AbortSignal): Promise<Answer> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const text = await new Promise<string>((resolve, reject) => {
    const call = request({ ...address(host), path, signal: deadline, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if ((size += chunk.length) > maxBodyBytes) response.destroy(new Error(`the answer to ${path} has no end`));
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
        else reject(new Error(`answered ${response.statusCode ?? 0} to ${path}`));
      });
    });
    call.on('error', (error) => {
      const isLate = deadline.aborted && !signal.aborted;
      reject(isLate ? new Error(`no answer to ${path} within ${timeoutMs / 1000} s`) : error);
    });
    call.end();
  });
  return parseAnswer(text, path);
}

function parseAnswer(text: string, path: string): Answer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`the answer to ${path} is no JSON: is this Docker?`, { cause });
  }
  if (typeof value !== 'object' || value === null)
    throw new Error(`the answer to ${path} is no object: is this Docker?`);
  return value as Answer;
}

const plainPort = 2375;

function address(host: string): RequestOptions {
  const { protocol, pathname, hostname, port } = new URL(host);
  if (protocol === 'unix:') return { socketPath: decodeURIComponent(pathname) };
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? plainPort : Number(port) };
}
