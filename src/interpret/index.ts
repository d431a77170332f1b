import type { Symbols } from '../recording/chunks.js';
import { readProcessRecording } from './process-recording.js';
import { symbolize } from './symbolize/index.js';

export { type BuildOptions, buildProfile } from './build-profile.js';
export { readManifest } from './manifest.js';

/**
 * Names the code in one `.mpr` file from the binaries and sources on this machine: to be done where the program ran. The
 * caller appends the result as a SYMBOLS chunk, which makes the recording portable.
 * @throws MemprofError if the file cannot be read; exit code 2.
 */
export async function symbolizeFile(path: string): Promise<Symbols> {
  const recording = readProcessRecording(path, { foldEvents: false });
  try {
    return symbolize(recording, { mayRunNode: true });
  } finally {
    recording.stream.close();
  }
}
