export { type BuildOptions, buildProfile } from './build-profile.js';
export { readManifest } from './manifest.js';
