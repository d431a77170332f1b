/** For `--import`: a program that is done stays, with all its memory, and ends when it is asked to (SIGTERM). */
setInterval(() => undefined, 1e6);
process.once('SIGTERM', () => process.exit(0));
