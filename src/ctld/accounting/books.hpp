// ctld/accounting/books.hpp — keeps the replicated books of accounting like those of the accounting daemon: loads them
// whole when the connection opens, and takes the news that the daemon sends.
#pragma once
#include "acct/books.hpp"
#include "ctld/accounting/link.hpp"
#include "ctld/controller.hpp"

namespace flurm::ctld {

/// Of the leader, on its connection. Loop thread only.
class BooksLoader {
 public:
  /// Both must outlive it.
  BooksLoader(Controller& controller, AccountingLink& link);

 private:
  io::Task<Result<void>> load();
  io::Task<Result<acct::Books>> ask();

  Controller& controller_;
  AccountingLink& link_;
};

/// ACCOUNTING_UPDATE_MSG: only root and SlurmUser bring news. Answers when they are in the state.
io::Task<Answer> accounting_update(Controller& c, Call call);

}  // namespace flurm::ctld
