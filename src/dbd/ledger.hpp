// dbd/ledger.hpp — the books in force, and commits that follow each other.
//
// All members block (they ask the database) and may be called from any worker thread.
#pragma once
#include <functional>
#include <memory>
#include <mutex>

#include "dbd/draft.hpp"

namespace flurm::dbd {

class Ledger {
 public:
  /// Told of every change of the books in force, by this daemon or another on the same database; on a worker, in order.
  using OnChange = std::function<void(const acct::Books& before, const acct::Books& now)>;

  /// QOS that the policy names are made if they are not there.
  static Result<std::unique_ptr<Ledger>> open(store::Store& store, TimeS now, Policy policy, OnChange on_change);
  const Policy& policy() const { return policy_; }

  std::shared_ptr<const acct::Books> books() const;
  /// A fresh draft of the books in force.
  Draft draft() const;
  /// Takes over what other daemons have committed. Errors: db_connection; the old books stay in force.
  Result<void> refresh();
  /// Makes the draft's changes those of the books. When others came first its requests are made again; the first that
  /// is refused then ends it, and nothing is changed. Errors: db_connection, error (refused, with the words).
  Result<void> commit(const Draft& draft, TimeS now);
  /// What the daemon itself changes: `edit` and commit in one, repeated when others come first.
  Result<void> change(const std::function<void(acct::Books&, std::vector<acct::Transaction>&)>& edit);

 private:
  Ledger(store::Store& store, Policy policy, OnChange on_change)
      : store_(store), policy_(std::move(policy)), on_change_(std::move(on_change)) {}
  Result<void> reload();
  /// What `make` makes of the books in force becomes the books; made again while others come first.
  Result<void> save(const std::function<Result<Draft>()>& make);
  void replace(std::shared_ptr<const acct::Books> books, std::uint64_t revision);

  store::Store& store_;
  const Policy policy_;
  OnChange on_change_;
  std::mutex committing_;  // held over the database's transaction
  mutable std::mutex mutex_;
  std::shared_ptr<const acct::Books> books_;
  std::uint64_t revision_ = 0;
};

}  // namespace flurm::dbd
