#include <algorithm>
#include <cstdint>
#include <utility>

#include "unwind/rust_names.hpp"
#include "unwind/rust_text.hpp"

namespace fdr {

using namespace rust;

namespace {

// Recursive descent over the grammar, printing as it goes. Back references make the text longer than the name, and may
// be made to loop: kMaxText and kMaxDepth end that.
class V0 {
 public:
  explicit V0(std::string_view body) : body_(body) {}

  std::optional<std::string> run() {
    path(true);
    if (!failed_ && at_ < body_.size() && body_[at_] != '.' && body_[at_] != '$') {  // the crate that instantiated it
      const std::size_t length = out_.size();
      path(true);
      out_.resize(std::min(length, out_.size()));
    }
    if (!failed_ && at_ < body_.size() && body_[at_] != '.' && body_[at_] != '$') failed_ = true;
    if (failed_ || out_.empty()) return std::nullopt;
    return out_;
  }

 private:
  static constexpr int kMaxDepth = 100, kMaxSteps = 20'000;
  static constexpr std::size_t kMaxText = 8192;

  struct Nested {  // one level of recursion
    V0& parser;
    explicit Nested(V0& p) : parser(p) {
      if (++p.depth_ > kMaxDepth || ++p.steps_ > kMaxSteps) p.failed_ = true;
    }
    ~Nested() { --parser.depth_; }
  };

  char peek() const { return at_ < body_.size() ? body_[at_] : '\0'; }
  bool take(char c) {
    if (failed_ || peek() != c || c == '\0') return false;
    ++at_;
    return true;
  }
  char next() {
    if (at_ >= body_.size()) return failed_ = true, '\0';
    return body_[at_++];
  }
  void print(std::string_view text) {
    if (out_.size() + text.size() > kMaxText)
      failed_ = true;
    else
      out_ += text;
  }

  std::uint64_t decimal() {
    std::uint64_t value = 0;
    if (!is_digit(peek())) return failed_ = true, 0;
    if (take('0')) return 0;
    while (is_digit(peek()) && value < 1'000'000) value = value * 10 + static_cast<std::uint64_t>(next() - '0');
    return value;
  }

  // "_" is 0, "0_" is 1, ...
  std::uint64_t base62() {
    if (take('_')) return 0;
    std::uint64_t value = 0;
    while (!failed_ && !take('_')) {
      const char c = next();
      std::uint64_t digit = 0;
      if (is_digit(c))
        digit = static_cast<std::uint64_t>(c - '0');
      else if (c >= 'a' && c <= 'z')
        digit = static_cast<std::uint64_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'Z')
        digit = static_cast<std::uint64_t>(c - 'A' + 36);
      else
        failed_ = true;
      value = value * 62 + digit;  // wraps for nonsense, which is then no valid position either
    }
    return value + 1;
  }

  std::uint64_t optional_base62(char tag) { return take(tag) ? base62() + 1 : 0; }

  struct Identifier {
    std::uint64_t disambiguator = 0;
    bool punycode = false;
    std::string_view name;
  };
  Identifier identifier() {
    Identifier id;
    id.disambiguator = optional_base62('s');
    id.punycode = take('u');
    const std::uint64_t length = decimal();
    take('_');
    if (failed_ || length > body_.size() - at_) return failed_ = true, id;
    id.name = body_.substr(at_, length);
    at_ += length;
    return id;
  }
  void print(const Identifier& id) {
    if (id.punycode) print("punycode{");
    print(id.name);
    if (id.punycode) print("}");
  }

  template <class Rule>
  void back_reference(Rule rule) {
    const std::size_t start = at_ - 1;
    const std::uint64_t target = base62();
    if (failed_ || target >= start) {
      failed_ = true;
      return;
    }
    const std::size_t here = std::exchange(at_, target);
    rule();
    at_ = here;
  }

  // Parsed for its length alone: the place an impl block stands at.
  void impl_path() {
    const std::size_t length = out_.size();
    optional_base62('s');
    path(false);
    if (!failed_) out_.resize(length);
  }

  void path(bool value) {
    const Nested nested(*this);
    if (failed_) return;
    switch (next()) {
      case 'C':
        print(identifier());
        break;
      case 'M':
        impl_path();
        print("<"), type(), print(">");
        break;
      case 'X':
        impl_path();
        [[fallthrough]];
      case 'Y':
        print("<"), type(), print(" as "), path(false), print(">");
        break;
      case 'N':
        nested_path(value);
        break;
      case 'I':
        path(value);
        print(value ? "::<" : "<");
        list([this] { generic_argument(); });
        print(">");
        break;
      case 'B':
        back_reference([&] { path(value); });
        break;
      default:
        failed_ = true;
    }
  }

  void nested_path(bool value) {
    const char space = next();
    path(value);
    const Identifier id = identifier();
    if (space >= 'A' && space <= 'Z') {
      print("::{");
      if (space == 'C')
        print("closure");
      else if (space == 'S')
        print("shim");
      else
        print(std::string_view(&space, 1));
      if (!id.name.empty()) print(":"), print(id);
      print("#" + std::to_string(id.disambiguator) + "}");
    } else if (space >= 'a' && space <= 'z') {
      if (!id.name.empty()) print("::"), print(id);
    } else {
      failed_ = true;
    }
  }

  template <class Rule>
  std::size_t list(Rule rule) {
    std::size_t count = 0;
    for (; !failed_ && !take('E'); ++count) {
      if (count) print(", ");
      rule();
    }
    return count;
  }

  void lifetime(std::uint64_t index) {
    // Index 0 is erased; others count binders from the inside.
    if (index == 0) return print("'_");
    if (index > binders_) return void(failed_ = true);
    const std::uint64_t letter = binders_ - index;
    print("'");
    if (letter < 26)
      print(std::string(1, static_cast<char>('a' + letter)));
    else
      print("_" + std::to_string(letter));
  }

  void generic_argument() {
    if (take('L'))
      lifetime(base62());
    else if (take('K'))
      constant();
    else
      type();
  }

  static std::string_view basic_type(char tag) {
    switch (tag) {
      case 'a':
        return "i8";
      case 'b':
        return "bool";
      case 'c':
        return "char";
      case 'd':
        return "f64";
      case 'e':
        return "str";
      case 'f':
        return "f32";
      case 'h':
        return "u8";
      case 'i':
        return "isize";
      case 'j':
        return "usize";
      case 'l':
        return "i32";
      case 'm':
        return "u32";
      case 'n':
        return "i128";
      case 'o':
        return "u128";
      case 'p':
        return "_";
      case 's':
        return "i16";
      case 't':
        return "u16";
      case 'u':
        return "()";
      case 'v':
        return "...";
      case 'x':
        return "i64";
      case 'y':
        return "u64";
      case 'z':
        return "!";
      default:
        return {};
    }
  }

  void type() {
    const Nested nested(*this);
    if (failed_) return;
    const char tag = next();
    if (const std::string_view basic = basic_type(tag); !basic.empty()) return print(basic);
    switch (tag) {
      case 'A':
        print("["), type(), print("; "), constant(), print("]");
        break;
      case 'S':
        print("["), type(), print("]");
        break;
      case 'T': {
        print("(");
        const std::size_t count = list([this] { type(); });
        print(count == 1 ? ",)" : ")");
        break;
      }
      case 'R':
      case 'Q':
        print("&");
        if (take('L')) {
          if (const std::uint64_t index = base62()) lifetime(index), print(" ");
        }
        if (tag == 'Q') print("mut ");
        type();
        break;
      case 'P':
        print("*const "), type();
        break;
      case 'O':
        print("*mut "), type();
        break;
      case 'F':
        function_type();
        break;
      case 'D':
        dyn_type();
        break;
      case 'B':
        back_reference([this] { type(); });
        break;
      default:
        --at_;
        path(false);
    }
  }

  // "for<'a, 'b> " and what it binds.
  template <class Rule>
  void with_binder(Rule rule) {
    const std::uint64_t count = optional_base62('G');
    if (count > 64) return void(failed_ = true);
    if (count) {
      print("for<");
      for (std::uint64_t i = 0; i < count; ++i) {
        if (i) print(", ");
        ++binders_;
        lifetime(1);
      }
      print("> ");
    }
    rule();
    binders_ -= count;
  }

  void function_type() {
    with_binder([this] {
      if (take('U')) print("unsafe ");
      if (take('K')) {
        print("extern \"");
        if (take('C')) {
          print("C");
        } else {
          for (const char c : identifier().name) print(std::string(1, c == '_' ? '-' : c));
        }
        print("\" ");
      }
      print("fn(");
      list([this] { type(); });
      print(")");
      if (!take('u')) print(" -> "), type();
    });
  }

  void dyn_type() {
    print("dyn ");
    with_binder([this] {
      for (std::size_t count = 0; !failed_ && !take('E'); ++count) {
        if (count) print(" + ");
        dyn_trait();
      }
    });
    if (!take('L')) return void(failed_ = true);
    if (const std::uint64_t index = base62()) print(" + "), lifetime(index);
  }

  // A path whose generic arguments stay open for the associated types that follow.
  bool open_path() {
    const Nested nested(*this);
    if (failed_) return false;
    if (take('B')) {
      bool open = false;
      back_reference([&] { open = open_path(); });
      return open;
    }
    if (!take('I')) return path(false), false;
    path(false);
    print("<");
    list([this] { generic_argument(); });
    return true;
  }

  void dyn_trait() {
    bool open = open_path();
    while (take('p')) {
      print(std::exchange(open, true) ? ", " : "<");
      print(identifier());
      print(" = ");
      type();
    }
    if (open) print(">");
  }

  void constant() {
    const Nested nested(*this);
    if (failed_) return;
    const char tag = next();
    if (tag == 'p') return print("_");
    if (tag == 'B') return back_reference([this] { constant(); });
    constexpr std::string_view kIntegers = "ahijlmnostxybc";
    if (kIntegers.find(tag) == std::string_view::npos) return void(failed_ = true);
    const bool negative = take('n');
    const std::size_t begin = at_;
    while (is_hex(peek())) ++at_;
    const std::string_view digits = body_.substr(begin, at_ - begin);
    if (!take('_')) return void(failed_ = true);
    if (digits.size() > 16) return print("0x"), print(digits);
    std::uint64_t value = 0;
    for (const char c : digits) value = value * 16 + static_cast<std::uint64_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    if (tag == 'b') return value > 1 ? void(failed_ = true) : print(value ? "true" : "false");
    if (tag == 'c') {
      if (!is_scalar(value)) return void(failed_ = true);
      std::string text = "'";
      append_utf8(text, static_cast<std::uint32_t>(value));
      return print(text + "'");
    }
    if (negative) print("-");
    print(std::to_string(value));
  }

  std::string_view body_;
  std::size_t at_ = 0;
  std::string out_;
  bool failed_ = false;
  int depth_ = 0, steps_ = 0;
  std::uint64_t binders_ = 0;
};

}  // namespace

std::optional<std::string> demangle_rust_v0(std::string_view mangled) {
  if (!mangled.starts_with("_R") || mangled.size() < 4) return std::nullopt;
  mangled.remove_prefix(2);
  if (is_digit(mangled[0])) return std::nullopt;  // a later version of the mangling
  return V0(mangled).run();
}

}  // namespace fdr
