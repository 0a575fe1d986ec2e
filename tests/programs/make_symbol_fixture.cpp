// The code of the symbol fixtures (tests/golden/unwind/symbols): inlining in several depths, namespaces, a lambda, a method, a template,
// hidden and exported functions. Not run by anybody; make_symbol_fixture.sh builds and strips it.
namespace shop {

static volatile int stock;

static inline __attribute__((always_inline)) int inner(int x) {
  stock = stock + x;
  return x * stock;
}

static inline __attribute__((always_inline)) int outer(int x) {
  const int once = inner(x + 1);
  return once + inner(x + 2);
}

template <class T>
__attribute__((noinline)) T doubled(T value) {
  stock = stock - 1;
  return value + value;
}

struct Till {
  int sum = 0;
  __attribute__((noinline)) int add(int x) {
    sum += outer(x);
    return sum;
  }
};

static __attribute__((noinline)) int hidden(int x) { return outer(x) ^ 3; }

int exported(int x) {
  Till till;
  const auto twice = [&](int y) __attribute__((noinline)) { return till.add(y) + till.add(y + 1) + stock; };
  return twice(x) + hidden(x) + doubled(x) + static_cast<int>(doubled(static_cast<double>(x)));
}

}  // namespace shop

extern "C" int plain_c(int x) { return shop::exported(x) + 1; }
