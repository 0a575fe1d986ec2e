#include "formats/pack/signature.hpp"

#include <algorithm>

#include "formats/figures/hot.hpp"
#include "formats/findings/findings.hpp"
#include "formats/sha256.hpp"

namespace fdr {
namespace {

constexpr std::size_t kFrames = 8;

// Go's "main.(*conn).serve" -> "main.conn.serve": its brackets are part of the name.
std::string without_receiver_brackets(std::string text) {
  for (std::size_t at; (at = text.find(".(*")) != std::string::npos;) {
    text.erase(at + 1, 2);
    if (const std::size_t close = text.find(')', at); close != std::string::npos) text.erase(close, 1);
  }
  return text;
}

// C++'s "(anonymous namespace)::f" -> "f": its brackets are none of arguments.
std::string without_anonymous_namespaces(std::string text) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";
  for (std::size_t at; (at = text.find(kAnonymous)) != std::string::npos;) text.erase(at, kAnonymous.size());
  return text;
}

// Without what stands in `open` ... `close`, nested; "operator<" and "operator()" and "->" are none.
std::string without_brackets(std::string_view text, char open, char close) {
  std::string kept;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool of_operator = depth == 0 && kept.ends_with("operator");
    if (c == open && !of_operator) {
      ++depth;
    } else if (c == close && depth > 0) {
      if (!(i > 0 && c == '>' && text[i - 1] == '-')) --depth;
    } else if (depth == 0) {
      kept += c;
    }
  }
  return kept;
}

bool is_hex(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text.empty() ? "-" : text;
}

}  // namespace

std::string normal_function(std::string_view function) {
  // "libx.so+0x1234" and "redis-server!fn@64d70": the module alone says the same on every build.
  if (const std::size_t at = function.find("!fn@"); at != std::string_view::npos) function = function.substr(0, at);
  if (const std::size_t at = function.rfind("+0x"); at != std::string_view::npos && is_hex(function.substr(at + 3)))
    function = function.substr(0, at);
  if (const std::size_t at = function.find(" ["); at != std::string_view::npos) function = function.substr(0, at);  // [clone ..], [module]
  std::string name = without_brackets(without_brackets(without_anonymous_namespaces(without_receiver_brackets(std::string(function))), '<', '>'), '(', ')');
  for (const std::string_view clone : {".isra.", ".constprop.", ".part.", ".cold", ".lto_priv.", ".llvm."})
    if (const std::size_t at = name.find(clone); at != std::string::npos) name.resize(at);
  if (const std::size_t hash = name.rfind("::h"); hash != std::string::npos && name.size() - hash == 19 && is_hex(name.substr(hash + 3)))
    name.resize(hash);  // Rust's
  while (name.ends_with(' ') || name.ends_with(" const")) name.resize(name.size() - (name.ends_with(' ') ? 1 : 6));
  return name;
}

std::string Signature::id() const { return sha256_hex(joined(findings, ",") + " " + joined(stack, "<")).substr(0, 16); }
std::string Signature::text() const { return id() + " " + joined(findings, ",") + " " + joined(stack, "<"); }

Signature signature_of(const Bundle& bundle, const FrameNames& names) {
  const View view(bundle.manifest, bundle.timeline, names);
  return signature_of(view, judge(view, texts_of(bundle)).findings);
}

Signature signature_of(const View& view, const std::vector<Finding>& findings) {
  Signature signature;
  for (const Finding& finding : findings)
    if (finding.verdict == Verdict::kFor) signature.findings.push_back(finding.id);
  std::sort(signature.findings.begin(), signature.findings.end());
  const OnCpu hot = count_on_cpu(view);
  if (hot.stacks.empty()) return signature;
  const std::vector<FunctionId>& top = hot.stacks.front().functions;
  for (auto function = top.rbegin(); function != top.rend() && signature.stack.size() < kFrames; ++function) {
    std::string name = normal_function(view.labels.function(*function));
    if (name.empty() || (!signature.stack.empty() && signature.stack.back() == name)) continue;
    signature.stack.push_back(std::move(name));
  }
  return signature;
}

}  // namespace fdr
