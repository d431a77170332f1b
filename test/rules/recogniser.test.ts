import { describe, expect, it } from 'vitest';
import type { CodeFrame } from '../../src/model/recognise.ts';
import { createRecogniser } from '../../src/rules/recogniser.ts';
import type { Match, Rule } from '../../src/rules/rule.ts';

const native = (name: string, module = '/usr/bin/node'): CodeFrame => ({ name, module, script: '' });
const js = (name: string, script: string): CodeFrame => ({ name, module: '', script });

const rule = (name: string, match: Match): Rule => ({ name, match, pool: `pool of ${name}` });

/** Name of the rule that wins. */
function winner(
  rules: readonly Rule[],
  frames: readonly CodeFrame[],
  place: { heap?: string; region?: string; mappedFile?: string } = {},
) {
  const recogniser = createRecogniser(rules);
  const path = recogniser.path(frames.map((frame) => recogniser.frame(frame)));
  return recogniser.recognise(path, { heap: 'libc.malloc', ...place })?.rule;
}

const STACK = [
  native('operator new(unsigned long, std::align_val_t)', '/lib/libstdc++.so.6'),
  native('onnx::Tensor<float>::Tensor(long)', '/app/libonnx.so.1'),
  native('Run(Napi::CallbackInfo const&)', '/app/binding.node'),
  native('v8::internal::Builtin_HandleApiCall(int)'),
  js('runInternal', 'node:internal/run'),
  native('v8::internal::Invoke()'),
  js('Model.forward', '/app/node_modules/@acme/model/lib/model.js'),
  js('handle', '/app/src/server.mjs'),
  native('node::http::Parse(char const*)'),
  js('onread', 'node:_http_server'),
  native('main'),
];

describe('rules', () => {
  it('are tried in order: the first match wins, wherever on the stack it is', () => {
    const inner = rule('inner', { function: 'onnx::*' });
    const outer = rule('outer', { function: 'main' });
    expect(winner([inner, outer], STACK)).toBe('inner');
    expect(winner([outer, inner], STACK)).toBe('outer');
    expect(winner([rule('none', { function: 'other' }), outer], STACK)).toBe('outer');
    expect(winner([], STACK)).toBeUndefined();
  });

  it.each<[string, Match, boolean]>([
    ['a function without template arguments and parameters', { function: 'onnx::Tensor::Tensor' }, true],
    ['a function with its parameters', { function: 'operator new(unsigned long, std::align_val_t)' }, true],
    ['another overload', { function: 'operator new(unsigned long)' }, false],
    ['a pattern with parameters', { function: 'onnx::Tensor<*>::*(long)' }, true],
    ['one of several', { function: ['nothing', 'main'] }, true],
    ['a module by its file name', { module: 'libonnx.so*' }, true],
    ['a module by its path', { module: '/app/libonnx.so*' }, false],
    ['a script by its file name', { script: 'server.mjs' }, true],
    ['a script by its path', { script: '/app/src/*' }, true],
    ['a package', { package: '@acme/model' }, true],
    ['a folder that is no package', { package: '@acme' }, false],
    ['two conditions on one frame', { function: 'onnx::*', module: 'libonnx*' }, true],
    ['two conditions on two frames', { function: 'onnx::*', module: 'binding.node' }, false],
    ['a caller', { function: 'onnx::*', caller: { function: 'Run' } }, true],
    ['a caller that is called', { function: 'Run', caller: { function: 'onnx::*' } }, false],
    ['a frame as its own caller', { function: 'Run', caller: { function: 'Run' } }, false],
    ['a leaf behind operator new', { function: 'onnx::*', where: 'leaf' }, true],
    ['operator new itself as leaf', { function: 'operator new', where: 'leaf' }, true],
    ['a frame that is no leaf', { function: 'Run', where: 'leaf' }, false],
    ['native code on top of JavaScript', { function: 'Run', where: 'native' }, true],
    ['native code below Node code', { function: 'v8::internal::Invoke', where: 'native' }, false],
    ['native code within the innermost function', { function: 'v8::internal::Invoke', where: 'innermost' }, true],
    ['the innermost function', { function: 'Model.forward', where: 'innermost' }, true],
    ['its caller', { function: 'handle', where: 'innermost' }, false],
    ['anything behind it', { function: 'node::http::*', where: 'innermost' }, false],
    ['a caller behind it', { function: 'onnx::*', where: 'innermost', caller: { script: 'server.mjs' } }, false],
    ['the same, anywhere', { function: 'onnx::*', caller: { script: 'server.mjs' } }, true],
    ['a heap', { heap: 'libc.malloc' }, true],
    ['another heap', { heap: 'mmap*', function: 'main' }, false],
    ['a region', { region: 'glibc#*', function: 'main' }, true],
    ['a file where none is mapped', { file: '*', function: 'main' }, false],
  ])('%s', (_what, match, matches) => {
    expect(winner([rule('it', match)], STACK, { region: 'glibc#1' })).toBe(matches ? 'it' : undefined);
  });

  it('know a mapped file by its name or its path', () => {
    const place = { heap: 'mmap.file', mappedFile: '/models/llama/q4.gguf' };
    expect(winner([rule('it', { file: '*.gguf' })], STACK, place)).toBe('it');
    expect(winner([rule('it', { file: '/models/*' })], STACK, place)).toBe('it');
    expect(winner([rule('it', { file: 'models*' })], STACK, place)).toBeUndefined();
  });

  it('of the place alone come in their turn', () => {
    const place = rule('place', { heap: 'libc.malloc' });
    const code = rule('code', { function: 'main' });
    expect(winner([place, code], STACK)).toBe('place');
    expect(winner([code, place], STACK)).toBe('code');
    expect(winner([code, place], [])).toBe('place');
  });

  it('skip a rule that asks for another place, and take the next', () => {
    const file = rule('file', { function: 'main', heap: 'mmap.file' });
    const any = rule('any', { function: 'Run' });
    expect(winner([file, any], STACK)).toBe('any');
    expect(winner([file, any], STACK, { heap: 'mmap.file' })).toBe('file');
  });

  it('see all of a stack without JavaScript as native', () => {
    const stack = [native('malloc'), native('work'), native('uv__worker'), native('start_thread')];
    expect(winner([rule('it', { function: 'uv__worker', where: 'native' })], stack)).toBe('it');
    expect(winner([rule('it', { function: 'work', where: 'leaf' })], stack)).toBe('it');
    expect(winner([rule('it', { function: 'uv__worker', where: 'leaf' })], stack)).toBeUndefined();
  });

  it('name the arena after the pool unless told, and the stage if told', () => {
    const recognise = (extra: Partial<Rule>) => {
      const recogniser = createRecogniser([{ name: 'r', match: { heap: 'mmap' }, pool: 'kv', ...extra }]);
      return recogniser.recognise([], { heap: 'mmap' });
    };
    expect(recognise({})).toEqual({ rule: 'r', pool: 'kv', arena: 'kv' });
    expect(recognise({ arena: 'a', stage: 'load' })).toEqual({ rule: 'r', pool: 'kv', arena: 'a', stage: 'load' });
  });
});

describe('many rules', () => {
  it('cost a frame the few patterns that share a piece of its name', () => {
    const rules = Array.from({ length: 10_000 }, (_, i) => rule(`r${i}`, { function: `*Class${i}::allocate*` }));
    const recogniser = createRecogniser(rules);
    expect(recogniser.frame(native('ns::Class7777::allocate(int)')).rules).toEqual([7777]);
    const places = createRecogniser(rules.map(({ name }, i) => rule(name, { file: `model-${i}.bin` })));
    expect(places.recognise([], { heap: 'mmap.file', mappedFile: '/m/model-9999.bin' })?.rule).toBe('r9999');
  });
});
