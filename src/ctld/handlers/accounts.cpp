// ctld/handlers/accounts.cpp — see the header.
#include "ctld/handlers/accounts.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "conf/lines.hpp"

namespace flurm::ctld {

std::vector<const acct::Assoc*> by_name(const acct::Books& books) {
  std::map<std::uint32_t, std::vector<const acct::Assoc*>> children;
  for (const auto& [id, assoc] : books.assocs().rows()) children[assoc->parent_id].push_back(assoc.get());
  for (auto& [parent, list] : children)  // backwards: the last one is taken first
    std::ranges::sort(list, std::ranges::greater(), [](const acct::Assoc* assoc) {
      return std::tuple(assoc->user.empty(), assoc->user, assoc->account, assoc->partition);
    });
  std::vector<const acct::Assoc*> out, open = children[0];
  while (!open.empty()) {
    const acct::Assoc* next = open.back();
    open.pop_back();
    out.push_back(next);
    const std::vector<const acct::Assoc*>& below = children[next->id];
    open.insert(open.end(), below.begin(), below.end());
  }
  return out;
}

bool wanted(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() ||
         std::ranges::any_of(names, [&](const std::string& each) { return conf::same_word(each, name); });
}

std::string tres_name(const acct::Tres& tres) { return tres.name.empty() ? tres.type : tres.type + "/" + tres.name; }

}  // namespace flurm::ctld
