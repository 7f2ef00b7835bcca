// auth/users.cpp — getpwuid_r and its kin behind a cache.
#include "auth/users.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <set>

namespace flurm::auth {
namespace {

constexpr std::size_t kCacheMax = 100'000;
constexpr unsigned kMissingTtlS = 10;

std::uint64_t now_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

/// Calls a reentrant look-up with a growing buffer. The look-up returns an errno and sets its result pointer.
template <class Record, class Ask>
Result<Record*> with_buffer(Record& record, std::vector<char>& buffer, Errc missing, const std::string& what, Ask ask) {
  for (buffer.resize(4096); buffer.size() <= (std::size_t{16} << 20); buffer.resize(buffer.size() * 4)) {
    Record* found = nullptr;
    int error = ask(&record, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (error == EINTR) continue;
    // Several name services report "not there" as one of these.
    if (found == nullptr && (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)) {
      return fail(missing, "no {}", what);
    }
    if (error != 0) return fail(Errc::io, "looking up {}: {}", what, std::strerror(error));
    return found;
  }
  return fail(Errc::io, "looking up {}: the answer is too long", what);
}

User user_of(const passwd& record) {
  auto text = [](const char* s) { return std::string(s ? s : ""); };
  return {record.pw_uid,         record.pw_gid,       text(record.pw_name),
          text(record.pw_gecos), text(record.pw_dir), text(record.pw_shell)};
}

}  // namespace

template <class Key, class T, class Ask>
Result<T> Users::look_up(std::map<Key, Remembered<T>>& cache, const Key& key, Ask ask) {
  {
    std::lock_guard lock(mutex_);
    auto it = cache.find(key);
    if (it != cache.end() && it->second.until_ms > now_ms()) return it->second.answer;
  }
  Result<T> answer = ask();
  if (!answer && answer.error().code == Errc::io) return answer;  // a failure says nothing to remember
  std::lock_guard lock(mutex_);
  if (cache.size() >= kCacheMax) cache.clear();
  unsigned ttl_s = answer ? ttl_s_ : std::min(ttl_s_, kMissingTtlS);
  cache.insert_or_assign(key, Remembered<T>{answer, now_ms() + std::uint64_t{ttl_s} * 1000});
  return answer;
}

Result<User> Users::by_uid(uid_t uid) {
  return look_up(by_uid_, uid, [&]() -> Result<User> {
    passwd record{};
    std::vector<char> buffer;
    FLURM_TRY(passwd * found, with_buffer(record, buffer, Errc::user_id_missing, fmt::format("user with uid {}", uid),
                                          [&](auto... args) { return getpwuid_r(uid, args...); }));
    return user_of(*found);
  });
}

Result<User> Users::by_name(const std::string& name) {
  return look_up(by_name_, name, [&]() -> Result<User> {
    passwd record{};
    std::vector<char> buffer;
    FLURM_TRY(passwd * found, with_buffer(record, buffer, Errc::user_id_missing, fmt::format("user {}", name),
                                          [&](auto... args) { return getpwnam_r(name.c_str(), args...); }));
    return user_of(*found);
  });
}

Result<std::vector<gid_t>> Users::groups_of(const User& user) {
  return look_up(groups_, user.uid, [&]() -> Result<std::vector<gid_t>> {
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    while (getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) < 0) {
      if (count > 65536 || static_cast<std::size_t>(count) <= groups.size()) {
        return fail(Errc::io, "looking up the groups of {}", user.name);
      }
      groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(count));
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    std::erase(groups, user.gid);
    groups.insert(groups.begin(), user.gid);
    return groups;
  });
}

Result<std::string> Users::group_name(gid_t gid) {
  return look_up(group_names_, gid, [&]() -> Result<std::string> {
    group record{};
    std::vector<char> buffer;
    FLURM_TRY(group * found, with_buffer(record, buffer, Errc::group_id_missing, fmt::format("group with gid {}", gid),
                                         [&](auto... args) { return getgrgid_r(gid, args...); }));
    return std::string(found->gr_name);
  });
}

Result<std::vector<std::string>> Users::group_names_of(const User& user) {
  FLURM_TRY(const std::vector<gid_t> groups, groups_of(user));
  std::vector<std::string> names;
  for (const gid_t gid : groups)
    if (auto name = group_name(gid)) names.push_back(std::move(*name));
  return names;
}

Result<gid_t> Users::group_id(const std::string& name) {
  return look_up(group_ids_, name, [&]() -> Result<gid_t> {
    group record{};
    std::vector<char> buffer;
    FLURM_TRY(group * found, with_buffer(record, buffer, Errc::group_id_missing, fmt::format("group {}", name),
                                         [&](auto... args) { return getgrnam_r(name.c_str(), args...); }));
    return found->gr_gid;
  });
}

Result<User> Users::by_name_or_number(const std::string& name) {
  auto user = by_name(name);
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
  if (user || error != std::errc{} || end != name.data() + name.size()) return user;
  return by_uid(uid);
}

std::vector<uid_t> Users::members_of(const std::string& groups) {
  std::set<uid_t> members;
  for (std::size_t at = 0; at < groups.size();) {
    const std::size_t comma = std::min(groups.find(',', at), groups.size());
    const std::string name = groups.substr(at, comma - at);
    at = comma + 1;
    group record{};
    std::vector<char> buffer;
    const auto found = with_buffer(record, buffer, Errc::group_id_missing, fmt::format("group {}", name),
                                   [&](auto... args) { return getgrnam_r(name.c_str(), args...); });
    if (!found) continue;
    const gid_t gid = (*found)->gr_gid;
    for (char** member = (*found)->gr_mem; member && *member; ++member)
      if (const auto user = by_name(*member)) members.insert(user->uid);
    static std::mutex walk;  // getpwent() has one place in the list for the whole process
    std::lock_guard lock(walk);
    setpwent();
    while (const passwd* user = getpwent())
      if (user->pw_gid == gid) members.insert(user->pw_uid);
    endpwent();
  }
  return {members.begin(), members.end()};
}

std::optional<User> Users::cached_by_name(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto it = by_name_.find(name);
  if (it == by_name_.end() || !it->second.answer) return std::nullopt;
  return *it->second.answer;
}

std::optional<User> Users::cached_by_uid(uid_t uid) const {
  std::lock_guard lock(mutex_);
  auto it = by_uid_.find(uid);
  if (it == by_uid_.end() || !it->second.answer) return std::nullopt;
  return *it->second.answer;
}

std::optional<std::string> Users::cached_group_name(gid_t gid) const {
  std::lock_guard lock(mutex_);
  auto it = group_names_.find(gid);
  if (it == group_names_.end() || !it->second.answer) return std::nullopt;
  return *it->second.answer;
}

std::optional<std::vector<std::string>> Users::cached_groups_of(uid_t uid) const {
  std::vector<gid_t> groups;
  {
    std::lock_guard lock(mutex_);
    const auto it = groups_.find(uid);
    if (it == groups_.end() || !it->second.answer) return std::nullopt;
    groups = *it->second.answer;
  }
  std::vector<std::string> names;
  for (const gid_t gid : groups)
    if (auto name = cached_group_name(gid)) names.push_back(std::move(*name));
  return names;
}

void Users::clear() {
  std::lock_guard lock(mutex_);
  by_uid_.clear();
  by_name_.clear();
  groups_.clear();
  group_names_.clear();
  group_ids_.clear();
}

}  // namespace flurm::auth
