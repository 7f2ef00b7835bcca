// dbd/privacy.cpp — see the header.
#include "dbd/privacy.hpp"

#include "acct/edit.hpp"
#include "conf/lines.hpp"

namespace flurm::dbd {

PrivateData PrivateData::of(std::string_view text) {
  PrivateData hidden;
  const struct {
    std::string_view word;
    bool PrivateData::*member;
  } kWords[] = {{"accounts", &PrivateData::accounts}, {"events", &PrivateData::events},
                {"jobs", &PrivateData::jobs},         {"reservations", &PrivateData::reservations},
                {"usage", &PrivateData::usage},       {"users", &PrivateData::users}};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    for (const auto& each : kWords)
      if (conf::same_word(text.substr(0, end), each.word)) hidden.*each.member = true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return hidden;
}

std::set<std::uint32_t> own_assocs(const acct::Books& books, const Actor& actor) {
  const auto coordinated = acct::coordinated(books, actor.name);
  std::set<std::uint32_t> own;
  for (const auto& [id, each] : books.assocs().rows())
    if (each->user == actor.name || coordinated.contains(each->account)) own.insert(id);
  return own;
}

std::set<std::uint32_t> own_branches(const acct::Books& books, const Actor& actor) {
  std::set<std::uint32_t> seen;
  for (const std::uint32_t id : own_assocs(books, actor))
    for (const acct::Assoc* at = books.assocs().find(id); at && seen.insert(at->id).second;)
      at = books.assocs().find(at->parent_id);
  return seen;
}

bool may_see_usage(const acct::Books& books, const Actor& actor, const PrivateData& hidden, const std::string& user,
                   const std::string& account) {
  if (!hidden.usage || is_operator(books, actor) || user == actor.name) return true;
  return !account.empty() && acct::coordinated(books, actor.name).contains(account);
}

}  // namespace flurm::dbd
