// CPU-bound C++ for scripts/bench --peers: evaluates an expression tree, recursively and through virtual calls. For each line
// on stdin it works for SECONDS and prints evaluations a second; no system calls while it works but the clock, which is
// the vDSO's.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

struct Expression {
  virtual ~Expression() = default;
  virtual double value(double x) const = 0;
};

struct Variable final : Expression {
  double value(double x) const override { return x; }
};

struct Constant final : Expression {
  explicit Constant(double constant) : constant_(constant) {}
  double value(double) const override { return constant_; }
  double constant_;
};

template <typename Operation>
struct Binary final : Expression {
  Binary(std::unique_ptr<Expression> left, std::unique_ptr<Expression> right)
      : left_(std::move(left)), right_(std::move(right)) {}
  double value(double x) const override { return Operation()(left_->value(x), right_->value(x)); }
  std::unique_ptr<Expression> left_, right_;
};

struct Sum {
  double operator()(double a, double b) const { return a + b; }
};
struct Product {
  double operator()(double a, double b) const { return a * b * 0.5; }
};

std::unique_ptr<Expression> tree(int depth) {
  if (depth == 0) return std::make_unique<Variable>();
  if (depth == 1) return std::make_unique<Constant>(0.25);
  if (depth % 2) return std::make_unique<Binary<Sum>>(tree(depth - 1), tree(depth - 2));
  return std::make_unique<Binary<Product>>(tree(depth - 1), tree(depth - 2));
}

}  // namespace

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::duration<double> seconds(argc > 1 ? std::atof(argv[1]) : 1);
  const auto expression = tree(16);
  volatile double sink = 0;
  for (int c; (c = std::getchar()) != EOF;) {
    if (c != '\n') continue;
    long evaluations = 0;
    const auto begin = Clock::now();
    for (; Clock::now() - begin < seconds; ++evaluations) sink = sink + expression->value(1.0 / (evaluations + 1));
    std::printf("%.1f\n", evaluations / std::chrono::duration<double>(Clock::now() - begin).count());
    std::fflush(stdout);
  }
}
