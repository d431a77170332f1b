import type { DrainStatus } from '../capture/drain.js';
import { noticeText } from '../model/notices.js';
import type { ManifestNotice } from '../recording/manifest.js';
import type { RunFlags } from '../schema/defaults.js';
import { shortBytes, showLiveTitle } from '../ui/live-line.js';
import { openTerminal } from '../ui/terminal.js';

/** What a run says while it goes on. */
export interface RunVoice {
  /** Prints the notices that came since, and ends the live title. */
  stop(): void;
}

/** Says what will be missing, and shows in the window's title how the program is doing. */
export function openVoice(flags: RunFlags, notices: readonly ManifestNotice[], status?: () => DrainStatus): RunVoice {
  const terminal = openTerminal();
  let told = 0;
  const tell = (): void => {
    for (const notice of notices.slice(told)) terminal.warn(noticeText(notice));
    told = notices.length;
  };
  tell();
  const isLive = !flags.quiet && terminal.isInteractive && status !== undefined;
  const line = isLive ? showLiveTitle(terminal, () => liveText(status())) : undefined;
  return {
    stop() {
      line?.stop();
      tell();
    },
  };
}

function liveText({ rssBytes, liveBytes, committedBytes, samples, processes }: DrainStatus): string {
  const more = processes > 1 ? `  ${processes} processes` : '';
  const memory = `RSS ${shortBytes(rssBytes)}  heap ~${shortBytes(liveBytes)}  mapped ${shortBytes(committedBytes)}`;
  return `memprof[${process.pid}]  ${memory}  ${samples} samples${more}`;
}
