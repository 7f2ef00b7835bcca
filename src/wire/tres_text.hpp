// wire/tres_text.hpp — texts that name generic resources, in the words of each release.
//
// FLURM keeps and understands those of 22.05: "gres:gpu:tesla:2,gres:mps:100", and "gpu:closest" for bindings. Since
// 23.11 messages have "gres/gpu:tesla:2" and "gres/gpu:closest", and what a task gets ends with "=2".
// Source: slurm 22.05, 23.11, 26.05 src/common/slurm_opt.c; 23.11 src/common/slurm_protocol_defs.c
// slurm_format_tres_string().
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "codec/archive.hpp"
#include "wire/versions.hpp"

namespace flurm::wire {

enum class TresForm : std::uint8_t {
  counts,    ///< tres_per_node and its like: "gres:gpu:2"
  per_task,  ///< the same, where new releases have "=" before the count
  binding,   ///< tres_bind: "gpu:closest+mps:…"
};

/// Those of 23.11 in the words of 22.05. What is in these already stays, and so does what is about other resources.
std::string old_tres_words(std::string_view text, TresForm form);
/// The other way.
std::string new_tres_words(std::string_view text, TresForm form);

template <class T>
struct TresText {
  T& value;  // a string or an optional one
  TresForm form;
  void code(codec::Archive& ar) {
    if (ar.kind() == codec::Kind::pack && ar.version() >= v23_11 && value != T{}) {
      T words = new_tres_words(text_of(value), form);
      return ar.item(words);
    }
    ar.item(value);
    if (ar.fills() && ar.version() >= v23_11 && value != T{}) value = old_tres_words(text_of(value), form);
  }
  static std::string_view text_of(const std::string& text) { return text; }
  static std::string_view text_of(const std::optional<std::string>& text) { return *text; }
};
template <class T>
TresText<T> tres_text(T& value, TresForm form = TresForm::counts) {
  return {value, form};
}

}  // namespace flurm::wire
