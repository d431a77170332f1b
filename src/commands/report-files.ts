/** The reports that `run` leaves beside the recording. */
export const REPORT_FILES = {
  pprof: 'profile.pb.gz',
  speedscope: 'profile.speedscope.json',
  json: 'summary.json',
} as const;
