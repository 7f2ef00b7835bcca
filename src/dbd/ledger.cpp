// dbd/ledger.cpp — see the header.
#include "dbd/ledger.hpp"

namespace flurm::dbd {

namespace {

/// Another daemon may come first again and again, but not for ever.
constexpr int kAttempts = 10;

/// Makes the QOS that are named and not there.
void add_default_qos(acct::Books& books, const Policy& policy, TimeS now) {
  for (const std::string& name : policy.default_qos) {
    const acct::Qos* old = books.find_qos(name);
    if (old && !old->deleted) continue;
    acct::Qos qos;
    qos.id = old ? old->id : books.next_qos_id++;
    qos.name = name;
    qos.description = "Added as default";
    qos.created = qos.modified = now;
    books.qos.set(qos.id, std::move(qos));
  }
}

/// With a default of its own a new database has no "normal".
acct::Books founding(const Policy& policy, TimeS now) {
  acct::Books books = acct::founding_books(now);
  if (policy.default_qos.empty()) return books;
  books.qos = {};
  books.next_qos_id = 1;
  add_default_qos(books, policy, now);
  return books;
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(store::Store& store, TimeS now, Policy policy, OnChange on_change) {
  std::unique_ptr<Ledger> ledger(new Ledger(store, std::move(policy), std::move(on_change)));
  FLURM_TRY(store::Loaded loaded, store.load(founding(ledger->policy_, now)));
  ledger->books_ = std::move(loaded.books);
  ledger->revision_ = loaded.revision;
  if (default_qos(*ledger->books_, ledger->policy_).size() < ledger->policy_.default_qos.size())
    FLURM_TRY_VOID(ledger->change(
        [&](acct::Books& books, std::vector<acct::Transaction>&) { add_default_qos(books, ledger->policy_, now); }));
  return ledger;
}

std::shared_ptr<const acct::Books> Ledger::books() const {
  std::lock_guard lock(mutex_);
  return books_;
}

Draft Ledger::draft() const {
  std::lock_guard lock(mutex_);
  Draft draft;
  draft.base = books_;
  draft.revision = revision_;
  draft.books = *books_;
  return draft;
}

void Ledger::replace(std::shared_ptr<const acct::Books> books, std::uint64_t revision) {
  std::shared_ptr<const acct::Books> before;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(books_, std::move(books));
    revision_ = revision;
  }
  on_change_(*before, *this->books());
}

Result<void> Ledger::reload() {
  FLURM_TRY(store::Loaded loaded, store_.load({}));
  replace(std::move(loaded.books), loaded.revision);
  return {};
}

Result<void> Ledger::refresh() {
  FLURM_TRY(const std::uint64_t revision, store_.revision());
  {
    std::lock_guard lock(mutex_);
    if (revision == revision_) return {};
  }
  std::lock_guard lock(committing_);
  return reload();
}

Result<void> Ledger::save(const std::function<Result<Draft>()>& make) {
  std::lock_guard lock(committing_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    FLURM_TRY(Draft draft, make());
    auto saved = store_.save(*draft.base, draft.books, draft.log, draft.revision);
    if (saved) {
      replace(std::make_shared<const acct::Books>(std::move(draft.books)), *saved);
      return {};
    }
    if (saved.error().code != Errc::outdated) return fail(saved.error());
    FLURM_TRY_VOID(reload());
  }
  return fail(Errc::db_connection, "others change the database all the time");
}

Result<void> Ledger::commit(const Draft& wish, TimeS now) {
  if (wish.steps.empty()) return {};
  return save([&]() -> Result<Draft> {
    Draft fresh = this->draft();
    if (fresh.revision == wish.revision) return wish;
    for (const Draft::Step& step : wish.steps) {
      const Change change{fresh.books, fresh.log, store_, step.actor, now, step.type, policy_};
      const Outcome outcome = find_change(step.type)(change, step.message.get());
      if (!outcome.changed()) return fail(Errc::error, "another change came first: {}", outcome.comment);
    }
    return fresh;
  });
}

Result<void> Ledger::change(const std::function<void(acct::Books&, std::vector<acct::Transaction>&)>& edit) {
  return save([&]() -> Result<Draft> {
    Draft draft = this->draft();
    edit(draft.books, draft.log);
    return draft;
  });
}

}  // namespace flurm::dbd
