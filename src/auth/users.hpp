// auth/users.hpp — users and groups of this machine, remembered for a while.
//
// Look-ups go through the name service (files, LDAP, SSSD) and may block for seconds: call from worker threads. The
// cached_ members never block. All members may be called from any thread at once.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace flurm::auth {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;  ///< primary group
  std::string name, gecos, home, shell;
};

class Users {
 public:
  /// ttl_s: how long an answer is believed; "no such user" only ten seconds.
  explicit Users(unsigned ttl_s = 300) : ttl_s_(ttl_s) {}

  /// Errors of all look-ups: user_id_missing / group_id_missing (there is none), io (the name service failed).
  Result<User> by_uid(uid_t uid);
  Result<User> by_name(const std::string& name);
  /// A name, or the number of a user that there is.
  Result<User> by_name_or_number(const std::string& name);
  /// All groups of the user, primary first, ascending after it.
  Result<std::vector<gid_t>> groups_of(const User& user);
  Result<std::string> group_name(gid_t gid);
  /// Names of groups_of(), without those that have none.
  Result<std::vector<std::string>> group_names_of(const User& user);
  Result<gid_t> group_id(const std::string& name);
  /// Users of all groups in a comma list, ascending: those whom the groups name, and those whose primary group it is.
  /// Groups that there are not have none. Not remembered.
  std::vector<uid_t> members_of(const std::string& groups);

  /// What is remembered, even when it is stale; nothing when it was never asked or does not exist.
  std::optional<User> cached_by_uid(uid_t uid) const;
  std::optional<User> cached_by_name(const std::string& name) const;
  std::optional<std::string> cached_group_name(gid_t gid) const;
  /// Their names, of those that were asked for by name.
  std::optional<std::vector<std::string>> cached_groups_of(uid_t uid) const;

  /// Forgets everything (reconfigure).
  void clear();

 private:
  template <class T>
  struct Remembered {
    Result<T> answer;
    std::uint64_t until_ms;
  };
  template <class Key, class T, class Ask>
  Result<T> look_up(std::map<Key, Remembered<T>>& cache, const Key& key, Ask ask);

  const unsigned ttl_s_;
  mutable std::mutex mutex_;
  std::map<uid_t, Remembered<User>> by_uid_;
  std::map<std::string, Remembered<User>> by_name_;
  std::map<uid_t, Remembered<std::vector<gid_t>>> groups_;
  std::map<gid_t, Remembered<std::string>> group_names_;
  std::map<std::string, Remembered<gid_t>> group_ids_;
};

}  // namespace flurm::auth
