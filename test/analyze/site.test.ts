import { describe, expect, it } from 'vitest';
import { describeSite, moduleOf } from '../../src/analyze/site.ts';
import { siteReader } from '../../src/analyze/site-reader.ts';
import { js, makeProfile, NODE_BINARY, native, type TestFrame } from '../helpers/profiles.ts';

const LIBC = '/lib/libc.so.6';
const ORT = '/app/libonnxruntime.so.1';

function site(...rootFirst: TestFrame[]) {
  const profile = makeProfile([{ stack: rootFirst, values: [1, 1, 1, 1] }]);
  const [sample] = profile.samples;
  return siteReader(profile).siteOf(sample?.stack ?? []);
}

describe('siteReader', () => {
  const user = js('handle', 'src/server.ts', 12);
  const library = js('run', 'node_modules/onnxruntime-node/dist/backend.js', 55);

  it('shows the line of the program, the package that it called and the native code that allocated', () => {
    const found = site(
      js('processTicksAndRejections', 'node:internal/process/task_queues', 95),
      user,
      library,
      native('napi_call_function', NODE_BINARY),
      native('onnxruntime::Run()', ORT),
      native('std::__new_allocator<float>::allocate(unsigned long)', ORT),
      native('operator new(unsigned long)', ORT),
      native('malloc', LIBC),
    );
    expect([found.user?.name, found.js?.name, found.callee?.name]).toEqual(['handle', 'run', 'onnxruntime::Run()']);
    expect(describeSite(found)).toBe(
      'handle src/server.ts:12 > run node_modules/onnxruntime-node/dist/backend.js:55 > onnxruntime::Run() libonnxruntime.so.1',
    );
    expect(moduleOf(found)).toBe('libonnxruntime.so.1');
  });

  it.each([
    'operator new(unsigned long)',
    'operator new[](unsigned long, std::nothrow_t const&)',
    'malloc',
    '__libc_malloc',
    'aligned_alloc',
    'posix_memalign',
    'realloc',
    'mmap64',
    'strdup',
    'std::vector<int, std::allocator<int> >::reserve(unsigned long)',
    'void std::__cxx11::basic_string<char>::_M_create(unsigned long&, unsigned long)',
    '__rust_alloc',
    'alloc::raw_vec::RawVec<T,A>::grow_amortized',
    'uv__malloc',
    'v8::internal::Heap::AllocateRaw(int)',
    'node::NodeArrayBufferAllocator::Allocate(unsigned long)',
    'Napi::Buffer<unsigned char>::New(napi_env__*, unsigned long)',
    'Builtins_ArrayMap',
  ])('looks past %s', (name) => {
    expect(site(user, native('workOfSomebody', ORT), native(name, LIBC)).callee?.name).toBe('workOfSomebody');
  });

  it.each(['mallocate_tensors', 'ggml_aligned_malloc', 'operatorNew', 'nodeRunner', 'v8flags', 'my::std::thing'])(
    'does not look past %s',
    (name) => expect(site(user, native('caller', ORT), native(name, ORT)).callee?.name).toBe(name),
  );

  it("names Node's own function where the engine allocates for it", () => {
    const found = site(
      user,
      js('Buffer.alloc', 'node:buffer', 391),
      native('v8::ArrayBuffer::New(v8::Isolate*, unsigned long)', NODE_BINARY),
      native('calloc', LIBC),
    );
    expect([found.js?.name, found.callee?.name, found.user]).toEqual(['handle', 'Buffer.alloc', undefined]);
    expect(moduleOf(found)).toBe('src/server.ts');
  });

  it('is one site for one line, whichever compiler V8 had used', () => {
    const allocator = native('node::NodeArrayBufferAllocator::Allocate(unsigned long)', NODE_BINARY);
    const interpreted = site(user, js('Float32Array', '', 0), native('v8::internal::Invoke()', NODE_BINARY), allocator);
    const optimised = site(user, allocator);
    expect(describeSite(interpreted)).toBe('handle src/server.ts:12');
    expect(describeSite(optimised)).toBe(describeSite(interpreted));
  });

  it('does not fall through to the root where all else is the engine', () => {
    const start = [native('_start', NODE_BINARY), native('libc.so.6+0x27249', LIBC), native('main', NODE_BINARY)];
    const engine = native('node::LoadBuiltins()', NODE_BINARY);
    expect(site(...start, engine, native('malloc', LIBC)).callee?.name).toBe('node::LoadBuiltins()');
    expect(site(...start, native('work', ORT), engine, native('malloc', LIBC)).callee?.name).toBe('work');
    expect(site(...start, native('malloc', LIBC)).callee?.name).toBe('main');
  });

  it('shows only the line for V8 objects, only native code for stacks without JavaScript, nothing for none', () => {
    expect(site(user)).toEqual({ js: expect.objectContaining({ name: 'handle', line: 12 }) });
    const found = site(native('_start', NODE_BINARY), native('worker', ORT), native('malloc', LIBC));
    expect(found).toEqual({ callee: expect.objectContaining({ name: 'worker' }) });
    expect(describeSite(site())).toBe('(no stack)');
    expect(site(native('malloc', LIBC)).callee?.name).toBe('malloc');
  });

  it('calls a module by its package, scope included', () => {
    expect(moduleOf(site(js('f', '/app/node_modules/@scope/pkg/lib/a.js', 1)))).toBe('@scope/pkg');
    expect(moduleOf(site(js('f', '/app/node_modules/outer/node_modules/inner/a.js', 1)))).toBe('inner');
    expect(moduleOf(site(js('f', '/app/src/a.js', 1)))).toBe('/app/src/a.js');
    expect(moduleOf(site({ ...js('[V8 heap pages]', '', 0), kind: 'synthetic' }))).toBe('[V8 heap pages]');
    expect(moduleOf(site())).toBe('(no stack)');
  });
});
