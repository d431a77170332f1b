/** `buffers.mjs GIGABYTES`: Buffers of 20 to 40 KB as quickly as Node makes them, and how many GB/s that was. */
const bytes = Number(process.argv[2]) * 1e9;
const ring = new Array(64);
const startedAt = performance.now();
let done = 0;
for (let i = 0; done < bytes; i++) {
  const size = 20_011 + ((i * 7919) % 20_000);
  ring[i % ring.length] = Buffer.allocUnsafeSlow(size);
  done += size;
}
console.log((done / 1e6 / (performance.now() - startedAt)).toFixed(2));
