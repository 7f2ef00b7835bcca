// ctld/reserving_lists.cpp — see reserving_lists.hpp.
#include "ctld/reserving_lists.hpp"

#include <algorithm>
#include <string_view>

namespace flurm::ctld {
namespace {

std::vector<std::string> items(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma != 0) out.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

std::string joined(const std::vector<std::string>& names, std::string_view before_each = "") {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ',';
    out += before_each;
    out += name;
  }
  return out;
}

/// The names of a list that is either all with or all without "-".
Result<std::vector<std::string>> plain_names(const std::string& text, bool& denied, Errc mixed) {
  std::vector<std::string> names = items(text);
  denied = !names.empty() && names.front().front() == '-';
  for (std::string& name : names) {
    if ((name.front() == '-') != denied) return fail(mixed, "'{}' names some to let in and some not", text);
    if (denied) name.erase(0, 1);
  }
  return names;
}

/// What "+a,-b" asks for.
struct Change {
  enum class Kind : std::uint8_t { set, plus, minus } kind = Kind::set;
  std::string name;
};

Result<std::vector<Change>> changes_of(const std::string& text, Errc mixed) {
  std::vector<Change> out;
  bool relative = false;
  for (const std::string& item : items(text)) {
    const bool plus = item.front() == '+', minus = item.front() == '-';
    if (!plus && !minus && relative) return fail(mixed, "'{}' both sets and changes", text);
    relative = relative || plus || minus;
    out.push_back({plus    ? Change::Kind::plus
                   : minus ? Change::Kind::minus
                           : Change::Kind::set,
                   plus || minus ? item.substr(1) : item});
  }
  return out;
}

bool sets(const std::vector<Change>& changes) {
  return std::ranges::all_of(changes, [](const Change& each) { return each.kind == Change::Kind::set; });
}

/// Taking a name from an empty list makes it one of those who are kept out; in such a list "-" adds.
bool becomes_denied(const std::vector<Change>& changes, bool empty, bool denied) {
  const bool minus = std::ranges::any_of(changes, [](const Change& each) { return each.kind == Change::Kind::minus; });
  return empty ? minus : denied;
}

bool removes(const Change& change, bool denied) { return (change.kind == Change::Kind::minus) != denied; }

}  // namespace

Result<void> set_users(model::Reservation& r, const std::string& text, const People& people) {
  FLURM_TRY(const std::vector<std::string> names, plain_names(text, r.users_denied, Errc::user_id_missing));
  if (names.empty()) return fail(Errc::user_id_missing, "no users in '{}'", text);
  r.user_ids.clear();
  for (const std::string& name : names) {
    const auto uid = people.uid_of(name);
    if (!uid) return fail(Errc::user_id_missing, "user {}", name);
    r.user_ids.push_back(*uid);
  }
  r.users = text;
  return {};
}

Result<void> set_accounts(model::Reservation& r, const std::string& text) {
  FLURM_TRY(r.account_names, plain_names(text, r.accounts_denied, Errc::invalid_account));
  r.accounts = text;
  return {};
}

Result<void> set_groups(model::Reservation& r, const std::string& text, const People& people) {
  r.user_ids = people.members_of(text);
  if (r.user_ids.empty()) return fail(Errc::group_id_missing, "groups {}", text);
  r.groups = text;
  return {};
}

Result<void> change_users(model::Reservation& r, const std::string& text, const People& people) {
  FLURM_TRY(const std::vector<Change> changes, changes_of(text, Errc::user_id_missing));
  std::vector<std::uint32_t> ids;
  for (const Change& change : changes) {
    const auto uid = people.uid_of(change.name);
    if (!uid) return fail(Errc::user_id_missing, "user {}", change.name);
    ids.push_back(*uid);
  }
  if (sets(changes)) {
    if (r.groups.empty() || !changes.empty()) r.user_ids = std::move(ids);
    r.users = text;
    r.users_denied = false;
    return {};
  }
  std::vector<std::string> names = items(r.users);
  for (std::string& name : names)
    if (name.front() == '-') name.erase(0, 1);
  if (names.size() != r.user_ids.size()) r.user_ids.clear(), names.clear();  // they were a group's
  r.users_denied = becomes_denied(changes, r.user_ids.empty(), r.users_denied);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto known = std::ranges::find(r.user_ids, ids[i]);
    const auto at = known - r.user_ids.begin();
    if (removes(changes[i], r.users_denied)) {
      if (known == r.user_ids.end()) continue;
      r.user_ids.erase(known);
      names.erase(names.begin() + at);
    } else if (known == r.user_ids.end()) {
      r.user_ids.push_back(ids[i]);
      names.push_back(changes[i].name);
    }
  }
  if (names.empty()) r.users_denied = false;
  r.users = joined(names, r.users_denied ? "-" : "");
  return {};
}

Result<void> change_accounts(model::Reservation& r, const std::string& text) {
  FLURM_TRY(const std::vector<Change> changes, changes_of(text, Errc::invalid_account));
  if (sets(changes)) {
    r.account_names.clear();
    for (const Change& change : changes) r.account_names.push_back(change.name);
    r.accounts = text;
    r.accounts_denied = false;
    return {};
  }
  r.accounts_denied = becomes_denied(changes, r.account_names.empty(), r.accounts_denied);
  for (const Change& change : changes) {
    const auto known = std::ranges::find(r.account_names, change.name);
    if (removes(change, r.accounts_denied)) {
      if (known == r.account_names.end()) return fail(Errc::invalid_account, "account {}", change.name);
      r.account_names.erase(known);
    } else if (known == r.account_names.end()) {
      r.account_names.push_back(change.name);
    }
  }
  r.accounts = joined(r.account_names, r.accounts_denied ? "-" : "");
  return {};
}

Result<void> change_groups(model::Reservation& r, const std::string& text, const People& people) {
  FLURM_TRY(const std::vector<Change> changes, changes_of(text, Errc::group_id_missing));
  std::vector<std::string> names = sets(changes) ? std::vector<std::string>() : items(r.groups);
  for (const Change& change : changes) {
    if (change.kind == Change::Kind::minus)
      std::erase(names, change.name);
    else if (std::ranges::find(names, change.name) == names.end())
      names.push_back(change.name);
  }
  r.users_denied = false;
  const std::string groups = joined(names);
  if (!groups.empty()) return set_groups(r, groups, people);
  if (!r.groups.empty()) r.user_ids.clear();
  r.groups.clear();
  return {};
}

}  // namespace flurm::ctld
