import { expect, it } from 'vitest';
import { qualifiedName } from '../../src/rules/qualified-name.ts';

it.each([
  ['malloc', 'malloc'],
  ['ggml_aligned_malloc.constprop.0', 'ggml_aligned_malloc'],
  ['f.part.1.cold', 'f'],
  ['libc.so.6+0x1234', 'libc.so.6+0x1234'],
  ['llama_kv_cache::llama_kv_cache(llama_model const&, unsigned int)', 'llama_kv_cache::llama_kv_cache'],
  ['ns::Pool<int, ns::A<b> >::get(unsigned long) const', 'ns::Pool::get'],
  ['void* ns::Pool<int>::get<char>(unsigned long)', 'ns::Pool::get'],
  ['unsigned long const* ns::f<1>()', 'ns::f'],
  ['node::(anonymous namespace)::Parser::New(v8::A const&) [part.0]', 'node::(anonymous namespace)::Parser::New'],
  ['void node::(anonymous namespace)::f<int>(int)', 'node::(anonymous namespace)::f'],
  ['node::Work::Go()::{lambda(uv_work_s*)#1}::_FUN(uv_work_s*)', 'node::Work::Go'],
  ['operator new(unsigned long, std::align_val_t)', 'operator new'],
  ['operator new[](unsigned long)', 'operator new[]'],
  ['ns::A::operator()(int) const', 'ns::A::operator()'],
  ['ns::A<x>::operator<<(int)', 'ns::A::operator<<'],
  ['bool ns::operator< <char>(ns::A<char>)', 'ns::operator<'],
  ['ns::A::operator unsigned long() const', 'ns::A::operator unsigned'],
  ['ns::cooperator(int)', 'ns::cooperator'],
  ['f(void (*)(int), A<(B)1>)', 'f'],
  ['KvCache.#grow', 'KvCache.#grow'],
  ['<', '<'],
  ['((((', '(((('],
  ['', ''],
])('%s is %s', (demangled, name) => {
  expect(qualifiedName(demangled)).toBe(name);
});
