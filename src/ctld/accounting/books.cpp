// ctld/accounting/books.cpp — see books.hpp. What is asked for: slurm 22.05 src/common/assoc_mgr.c.
#include "ctld/accounting/books.hpp"

#include "acct/fields.hpp"
#include "acct_wire/received.hpp"
#include "codec/pack.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::ctld {
namespace {

using wire::MsgType;

/// News that others overtake are read again, against what they left; so often at most.
constexpr int kTriesMax = 20;
/// From this format on the state has room for books.
constexpr std::uint16_t kBooksFormat = 5;
/// In a condition: whatever flags a resource has (slurm/slurmdb.h SLURMDB_RES_FLAG_NOTSET).
constexpr std::uint32_t kAnyFlags = 0x10000000;

state::PutBooks command_of(acct::News news) {
  state::PutBooks command;
  command.records = std::move(news.records);
  command.assocs_gone = std::move(news.assocs_gone);
  command.qos_gone = std::move(news.qos_gone);
  command.wckeys_gone = std::move(news.wckeys_gone);
  command.resources_gone = std::move(news.resources_gone);
  command.users_gone = std::move(news.users_gone);
  command.accounts_gone = std::move(news.accounts_gone);
  command.assocs_unused = std::move(news.assocs_unused);
  command.qos_unused = std::move(news.qos_unused);
  return command;
}

/// The list of an answer. Errors: unexpected_msg, and what the daemon refuses with.
template <class List>
Result<List> list_of(Result<rpc::Response> response) {
  if (!response) return std::unexpected(response.error());
  if (response->is<List>()) return response->as<List>();
  FLURM_TRY(const wire::PersistRc rc, accounting_rc(*response));
  return fail(static_cast<Errc>(rc.rc), "the accounting daemon: {}", rc.comment);
}

}  // namespace

BooksLoader::BooksLoader(Controller& controller, AccountingLink& link) : controller_(controller), link_(link) {
  link_.on_connected([this] { return load(); });
}

io::Task<Result<acct::Books>> BooksLoader::ask() {
  const std::string cluster = controller_.config->cluster_name;
  acct::Books books;

  wire::TresCond tres_cond;
  auto asking_tres = link_.ask(MsgType::DBD_GET_TRES, tres_cond);
  auto tres = list_of<wire::TresList>(co_await asking_tres);
  if (!tres) co_return std::unexpected(tres.error());
  for (const wire::TresRec& rec : tres->list) books.tres.set(rec.id, acct::received(rec));

  auto asking_qos = link_.ask(MsgType::DBD_GET_QOS, wire::QosCond{});
  auto qos = list_of<wire::QosList>(co_await asking_qos);
  if (!qos) co_return std::unexpected(qos.error());
  for (const wire::QosRec& rec : qos->list) books.qos.set(rec.id, acct::received(rec));

  wire::UserCond user_cond;
  user_cond.with_coords = true;
  auto asking_users = link_.ask(MsgType::DBD_GET_USERS, user_cond);
  auto users = list_of<wire::UserList>(co_await asking_users);
  if (!users) co_return std::unexpected(users.error());
  for (const wire::UserRec& rec : users->list) {
    books.users.set(rec.name, acct::received(rec));
    acct::receive_coordinator(books, rec);
  }

  wire::AssocCond assoc_cond;
  assoc_cond.cluster_list = {cluster};
  auto asking_assocs = link_.ask(MsgType::DBD_GET_ASSOCS, assoc_cond);
  auto assocs = list_of<wire::AssocList>(co_await asking_assocs);
  if (!assocs) co_return std::unexpected(assocs.error());
  for (const wire::AssocRec& rec : assocs->list) books.set_assoc(acct::received(rec));

  wire::WckeyCond wckey_cond;
  wckey_cond.cluster_list = {cluster};
  auto asking_wckeys = link_.ask(MsgType::DBD_GET_WCKEYS, wckey_cond);
  auto wckeys = list_of<wire::WckeyList>(co_await asking_wckeys);
  if (!wckeys) co_return std::unexpected(wckeys.error());
  for (const wire::WckeyRec& rec : wckeys->list) books.wckeys.set(rec.id, acct::received(rec));

  wire::ResCond res_cond;
  res_cond.cluster_list = {cluster};
  res_cond.flags = kAnyFlags;
  res_cond.with_clusters = 1;
  auto asking_resources = link_.ask(MsgType::DBD_GET_RES, res_cond);
  auto resources = list_of<wire::ResList>(co_await asking_resources);
  if (!resources) co_return std::unexpected(resources.error());
  for (const wire::ResRec& rec : resources->list) books.resources.set(rec.id, acct::received(rec));
  co_return books;
}

/// News that come while the lists are on their way may be older or younger than these: then it asks again.
io::Task<Result<void>> BooksLoader::load() {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto before = controller_.replica.snapshot();
    if (before->format < kBooksFormat)  // soon again: the connection is opened anew
      co_return fail(Errc::not_supported, "the state has no room for accounting in format {}", before->format);
    auto asking = ask();
    auto books = co_await asking;
    if (!books) co_return std::unexpected(books.error());
    const bool same = codec::pack(*books, before->format) == codec::pack(*before->books, before->format);
    if (same && before->books_version != 0) co_return Result<void>();
    state::PutBooks command{.made_for = before->books_version, .whole = true, .records = std::move(*books)};
    const std::size_t assocs = command.records.assocs().size();
    auto proposal = controller_.replica.propose(std::move(command));
    const auto reply = co_await proposal;
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->code == Errc::outdated) continue;
    log(Level::info, "accounting.books", {{"associations", assocs}});
    controller_.schedule_soon();
    co_return Result<void>();
  }
  co_return fail(Errc::timed_out, "the books of accounting change all the time");
}

io::Task<Answer> accounting_update(Controller& c, Call call) {
  const auto* update = call.as<wire::AccountingUpdate>();
  if (!update) co_return rc_answer(call, Errc::communications_receive);
  if (call.uid != 0 && call.uid != c.slurm_user) {
    log(Level::warn, "accounting.update_refused", {{"uid", call.uid}, {"peer", call.peer}});
    co_return rc_answer(call, Errc::access_denied);
  }
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto before = c.replica.snapshot();
    if (before->format < kBooksFormat) co_return rc_answer(call, Errc::success);
    acct::News news = acct::read_update(*before->books, *update, c.config->cluster_name);
    if (news.empty()) co_return rc_answer(call, Errc::success);
    state::PutBooks command = command_of(std::move(news));
    command.made_for = before->books_version;
    auto proposal = c.replica.propose(std::move(command));
    const auto reply = co_await proposal;
    if (!reply) co_return error_answer(call, reply.error());
    if (reply->code == Errc::outdated) continue;
    c.schedule_soon();
    co_return rc_answer(call, reply->code);
  }
  co_return rc_answer(call, Errc::error);
}

}  // namespace flurm::ctld
