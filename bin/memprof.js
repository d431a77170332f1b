#!/usr/bin/env node
import module from 'node:module';

// Node 22 and later keep compiled code in the folder for temporary files: a third off the start. Ours only, not the program's.
module.enableCompileCache?.();
await import('../dist/cli.js');
