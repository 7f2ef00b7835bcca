// wire/tres_text.cpp — see tres_text.hpp.
#include "wire/tres_text.hpp"

#include <algorithm>

namespace flurm::wire {
namespace {

constexpr std::string_view kOld = "gres:", kNew = "gres/";

template <class Word>
std::string each_part(std::string_view text, char separator, Word&& word) {
  std::string out;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out += word(text.substr(0, end));
    if (end == text.size()) return out;
    out += separator;
    text.remove_prefix(end + 1);
  }
}

char separator_of(TresForm form) { return form == TresForm::binding ? '+' : ','; }

}  // namespace

std::string old_tres_words(std::string_view text, TresForm form) {
  return each_part(text, separator_of(form), [form](std::string_view part) {
    if (!part.starts_with(kNew)) return std::string(part);
    part.remove_prefix(kNew.size());
    if (form == TresForm::binding) return std::string(part);
    std::string word = std::string(kOld).append(part);
    std::ranges::replace(word, '=', ':');
    return word;
  });
}

std::string new_tres_words(std::string_view text, TresForm form) {
  return each_part(text, separator_of(form), [form](std::string_view part) {
    if (form == TresForm::binding) return part.empty() ? std::string() : std::string(kNew).append(part);
    if (!part.starts_with(kOld)) return std::string(part);
    std::string word = std::string(kNew).append(part.substr(kOld.size()));
    const std::size_t count = word.rfind(':');
    const bool counted =
        count != word.npos && count + 1 < word.size() && word[count + 1] >= '0' && word[count + 1] <= '9';
    if (form == TresForm::per_task && counted) word[count] = '=';
    return word;
  });
}

}  // namespace flurm::wire
