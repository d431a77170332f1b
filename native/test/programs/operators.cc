// Every operator new and delete that a compiler can call; then exceptions through sampled frames.
#include <cstddef>
#include <cstdio>
#include <new>
#include <stdexcept>

template <std::size_t Size>
struct Plain {
  char bytes[Size];
};
template <std::size_t Size>
struct alignas(128) Aligned {
  char bytes[Size];
};

static void *volatile sink;

template <typename T>
static void each_form() {
  T *one = new T;
  sink = one;
  delete one;
  T *many = new T[1];
  sink = many;
  delete[] many;
  one = new (std::nothrow) T;
  sink = one;
  delete one;
  many = new (std::nothrow) T[1];
  sink = many;
  delete[] many;
}

static int thrower(int depth) {
  char *volatile block = new char[20011];
  if (depth == 0) throw std::runtime_error("as planned");
  int result = thrower(depth - 1) + 1;
  delete[] block;
  return result;
}

int main(int argc, char **) {
  each_form<Plain<20021>>();
  each_form<Aligned<128 * 157>>();
  int caught = 0;
  for (int i = 0; i < 1000; i++) {
    try {
      thrower(20);
    } catch (const std::runtime_error &) {
      caught++;
    }
  }
  // operator new reports exhaustion by an exception, through our frames. With an argument: not so (mimalloc aborts).
  try {
    volatile std::size_t huge = std::size_t(1) << 62;
    if (argc > 1) throw std::bad_alloc();
    sink = new char[huge];
  } catch (const std::bad_alloc &) {
    caught++;
  }
  std::printf("%d\n", caught);
  return caught == 1001 ? 0 : 1;
}
