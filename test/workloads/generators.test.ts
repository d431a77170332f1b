import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../fixtures/workloads/lib/tokenizer.mjs';
import { buildGgufLlama } from '../../fixtures/workloads/modelgen/gguf-llama.mjs';
import { ensureOnnxModel } from '../../fixtures/workloads/modelgen/model-files.mjs';
import { buildOnnxDecoder } from '../../fixtures/workloads/modelgen/onnx-decoder.mjs';
import { PRESETS, presetShape } from '../../fixtures/workloads/modelgen/presets.mjs';
import { sentencePieceVocabulary, wordVocabulary } from '../../fixtures/workloads/modelgen/vocabulary.mjs';
import { FIXTURES, run, scratch, sha256 } from './workloads.ts';

describe('the generators', () => {
  // A change of these sums is a change of the models: raise VERSION in model-files.mjs with it.
  it.each([
    ['ONNX', buildOnnxDecoder, '3ed8a28d3c05f8420cd334d753625d42475b89963af3f8ef715a970f95afce04'],
    ['GGUF', buildGgufLlama, 'c16a8d7cabcc87cc69ac36ad00b43c67cd8dc2697047fea7cc229d9c20ea3f7e'],
  ])('write the same %s bytes for the same seed, on every machine', (_format, build, sum) => {
    expect(sha256(build(PRESETS.tiny))).toBe(sum);
    expect(sha256(build(PRESETS.tiny, 43))).not.toBe(sum);
  });

  it('fill a vocabulary of every preset, without doubles', () => {
    for (const { vocabulary } of Object.values(PRESETS)) {
      expect(new Set(wordVocabulary(vocabulary)).size).toBe(vocabulary);
      expect(new Set(sentencePieceVocabulary(vocabulary).map((token) => token.text)).size).toBe(vocabulary);
    }
  });

  it('name the presets that there are', () => {
    expect(() => presetShape('huge')).toThrow('unknown preset "huge": choose one of tiny, small, medium');
  });
});

describe('model files', () => {
  const generate = `
    import { ensureOnnxModel } from ${JSON.stringify(join(FIXTURES, 'workloads/modelgen/model-files.mjs'))};
    ensureOnnxModel('tiny', process.argv[1]);`;

  it('are written once, and leave nothing behind when two processes write them at the same time', async () => {
    const folder = scratch();
    const both = [1, 2].map(() => run(process.execPath, ['--input-type=module', '-e', generate, folder]));
    for (const { status, stderr } of await Promise.all(both)) expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(readdirSync(folder).sort()).toEqual(['decoder-tiny-v1.onnx', 'decoder-tiny-v1.tokenizer.json']);

    const { model } = ensureOnnxModel('tiny', folder);
    expect(sha256([readFileSync(model)])).toBe(sha256(buildOnnxDecoder(PRESETS.tiny)));
    const again = await run(process.execPath, ['--input-type=module', '-e', generate, folder]);
    expect(again.stderr).toBe('');
  });

  it('say where they went and how large they are', async () => {
    const { stderr } = await run(process.execPath, ['--input-type=module', '-e', generate, join(scratch(), 'new')]);
    expect(stderr).toMatch(
      /^generated \S+decoder-tiny-v1\.tokenizer\.json: \d+ kB in \d\.\d s\ngenerated \S+\.onnx: \d+ kB in \d\.\d s\n$/,
    );
  });

  it('say what to look at when they cannot be written', () => {
    const blocked = join(scratch(), 'models');
    writeFileSync(blocked, 'a file where the folder should be');
    expect(() => ensureOnnxModel('tiny', blocked)).toThrow(
      /^cannot write .*: is the disk full or the folder read-only\?$/,
    );
  });
});

describe('the tokenizer', () => {
  const tokenizer = createTokenizer(wordVocabulary(512));

  it('has one token for a word that it knows, and bytes for others', () => {
    expect(tokenizer.encode('the river')).toHaveLength(1 + 2);
    expect(tokenizer.encode('Zürich')).toHaveLength(1 + ' Zürich'.length + 1);
  });

  it.each(['the river, the sea.', 'Zürich is by the river', 'why not 你好 or 😀?', ''])('gives back "%s"', (text) => {
    const decoded = tokenizer.decode(tokenizer.encode(text));
    expect(decoded.replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
  });

  it('streams a character of several bytes with its last byte', () => {
    const toText = tokenizer.textStream();
    const pieces = tokenizer.encode('é').map(toText);
    expect(pieces).toEqual(['', ' ', '', 'é']);
  });
});
