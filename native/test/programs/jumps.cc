// Leaves sampled frames in every way but by returning: longjmp over many of them, siglongjmp out of a handler that
// allocates on an alternate stack, exceptions, also on the stack of a coroutine.
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

static void *kept[256];
static unsigned next;
static int reached;

static void churn(std::size_t bytes) {
  void *&slot = kept[next++ % 256];
  std::free(slot);
  slot = std::malloc(bytes);
}

static jmp_buf back;
static __attribute__((noinline)) int descend(int depth) {
  churn(500 + depth);
  if (depth == 0) longjmp(back, 1);
  int below = descend(depth - 1);
  churn(700);
  return below + 1;
}

static sigjmp_buf home;
static void on_signal(int) {
  for (int i = 0; i < 5; i++) churn(900);
  siglongjmp(home, 1);
}

static __attribute__((noinline)) int throw_at(int depth) {
  std::string line(600 + depth, 'x');
  if (depth == 0) throw std::runtime_error(line);
  return throw_at(depth - 1) + static_cast<int>(line.size());
}

static void catch_all() {
  for (int i = 0; i < 300; i++) {
    try {
      throw_at(i % 30);
    } catch (const std::runtime_error &error) {
      reached += static_cast<int>(std::strlen(error.what()) == 600);
    }
  }
}

static ucontext_t main_context, coroutine;

int main() {
  for (int i = 0; i < 2000; i++) {
    if (setjmp(back) == 0) descend(i % 60);
    reached++;
  }
  static char alternate[1 << 15], stack[1 << 16];
  stack_t where = {};
  where.ss_sp = alternate;
  where.ss_size = sizeof alternate;
  sigaltstack(&where, nullptr);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  for (int i = 0; i < 2000; i++) {
    if (sigsetjmp(home, 1) == 0) raise(SIGUSR1);
    reached++;
  }
  catch_all();
  getcontext(&coroutine);
  coroutine.uc_stack.ss_sp = stack;
  coroutine.uc_stack.ss_size = sizeof stack;
  coroutine.uc_link = &main_context;
  makecontext(&coroutine, catch_all, 0);
  swapcontext(&main_context, &coroutine);
  std::printf("%d\n", reached);
  return 0;
}
