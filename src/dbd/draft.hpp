// dbd/draft.hpp — what a connection has changed and not committed yet, and what a request may know and do.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "acct/books.hpp"
#include "store/store.hpp"
#include "wire/registry.hpp"

namespace flurm::dbd {

/// Who asks.
struct Actor {
  std::uint32_t uid = 0;
  std::string name;
  bool super = false;  ///< root or SlurmUser
};

/// The user's rights in these books.
bool is_operator(const acct::Books& books, const Actor& actor);
bool is_administrator(const acct::Books& books, const Actor& actor);

/// A copy of the books with changes that nobody else sees, and how they came about: should another commit come first,
/// they are made again on its result.
struct Draft {
  std::shared_ptr<const acct::Books> base;
  std::uint64_t revision = 0;
  acct::Books books;
  std::vector<acct::Transaction> log;
  struct Step {
    wire::MsgType type;
    wire::AnyMessage message;
    Actor actor;
  };
  std::vector<Step> steps;
};

/// What the configuration says of new records.
struct Policy {
  std::vector<std::string> default_qos;  ///< names, of those that a new cluster begins with; empty: "normal"
  bool absolute_resources = false;       ///< clusters' shares of resources are numbers, not percent
};
/// Their ids; those that are not there are left out.
std::vector<std::uint32_t> default_qos(const acct::Books& books, const Policy& policy);

/// What one request changes. Runs on a worker.
struct Change {
  acct::Books& books;
  std::vector<acct::Transaction>& log;
  store::Store& store;
  const Actor& actor;
  TimeS now;
  wire::MsgType type;
  const Policy& policy;

  /// A line of the transaction log.
  void note(std::string where, std::string info, std::string cluster = "") const {
    log.push_back(
        {0, now, static_cast<std::uint16_t>(type), actor.name, std::move(where), std::move(info), std::move(cluster)});
  }
};

/// How a request ended: a code with words (DBD's PERSIST_RC), or names with a code (DBD_GOT_LIST).
struct Outcome {
  Errc code = Errc::success;
  std::string comment;
  bool listed = false;
  std::vector<std::string> names;

  static Outcome done() { return {}; }
  static Outcome refused(Errc code, std::string comment) { return {code, std::move(comment), false, {}}; }
  static Outcome no_right() {
    return refused(Errc::access_denied, "Your user doesn't have privilege to perform this action");
  }
  /// Nothing was selected, or what was selected is so already.
  static Outcome unaffected() {
    return refused(Errc::success,
                   "Request didn't affect anything or your user doesn't have privilege to perform this action");
  }
  /// The same, of what Slurm answers with an empty list.
  static Outcome nothing(Errc code = Errc::success) { return {code, {}, true, {}}; }
  static Outcome list(std::vector<std::string> names, Errc code = Errc::success) {
    return {code, {}, true, std::move(names)};
  }
  bool changed() const { return code == Errc::success; }
};

/// Requests that change the books. Null: the message is none of them.
using ChangeFunction = Outcome (*)(const Change&, const void* message);
ChangeFunction find_change(wire::MsgType type);

}  // namespace flurm::dbd
