// ctld/accounting/reporter.cpp — see reporter.hpp.
#include "ctld/accounting/reporter.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "conf/lines.hpp"
#include "io/clock.hpp"
#include "io/worker.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/dbd_messages.hpp"

namespace flurm::ctld {

using state::Report;
using wire::MsgType;

namespace {

/// As many as Slurm's controller puts in one message, and no more than so many bytes.
constexpr std::size_t kBatchMax = 1000, kBatchBytesMax = 16u << 20;
/// How long what was refused waits for another try.
constexpr std::uint64_t kRefusedMs = 5'000;
/// Answers to DBD_CLUSTER_TRES: what the daemon wants to be told again.
constexpr std::uint32_t kFirstRegistration = 10002, kTresChanged = 10004, kNodesChanged = 10005;

template <class M>
wire::PackedMessage packed(MsgType type, const M& message, std::uint16_t version) {
  return {rpc::bare_frame(type, codec::pack(message, version)).substr(4)};
}

wire::PackedMessage pack_report(const Report& report, const RecordContext& c, std::uint16_t version) {
  switch (report.kind) {
    case Report::Kind::job_start:
      return packed(MsgType::DBD_JOB_START, job_start_record(report, c), version);
    case Report::Kind::job_end:
      return packed(MsgType::DBD_JOB_COMPLETE, job_end_record(report, c), version);
    case Report::Kind::job_suspend:
      return packed(MsgType::DBD_JOB_SUSPEND, job_suspend_record(report, c), version);
    case Report::Kind::step_start:
      return packed(MsgType::DBD_STEP_START, step_start_record(report, c), version);
    case Report::Kind::step_end:
      return packed(MsgType::DBD_STEP_COMPLETE, step_end_record(report, c), version);
    case Report::Kind::node_down:
    case Report::Kind::node_up:
      return packed(MsgType::DBD_NODE_STATE, node_record(report, c), version);
    case Report::Kind::reservation_new:
      return packed(MsgType::DBD_ADD_RESV, reservation_record(report, c), version);
    case Report::Kind::reservation_changed:
      return packed(MsgType::DBD_MODIFY_RESV, reservation_record(report, c), version);
    case Report::Kind::reservation_gone:
      return packed(MsgType::DBD_REMOVE_RESV, reservation_record(report, c), version);
    case Report::Kind::flush_jobs: {
      wire::DbdClusterTres flush;
      flush.event_time = report.time;
      return packed(MsgType::DBD_FLUSH_JOBS, flush, version);
    }
  }
  return {};
}

std::string text_of(const Report& report) {
  if (report.step) return fmt::format("step {}.{}", report.step->job.v, report.step->slot);
  if (report.job) return fmt::format("job {}", report.job->id.v);
  if (report.node) return "node " + report.node->config.name;
  return report.reservation ? "reservation " + report.reservation->name : "flush";
}

}  // namespace

struct AccountingReporter::Batch {
  std::vector<std::shared_ptr<const Report>> reports;
  std::vector<std::uint64_t> db_index;  // of each one's job; 0: not known
};

/// Worker: the batch as the body of DBD_SEND_MULT_MSG. What does not fit waits for the next one.
std::string AccountingReporter::words_of(const state::ClusterState& state, const Batch& batch, const TresIds& tres,
                                         const HostSet& nodes, const conf::Config& config, std::uint16_t version) {
  wire::PackedMessageList out;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < batch.reports.size() && bytes < kBatchBytesMax; ++i) {
    const RecordContext context{state, tres, nodes, config.store_job_comment, batch.db_index[i]};
    out.list.push_back(pack_report(*batch.reports[i], context, version));
    bytes += out.list.back().bytes.size();
  }
  return codec::pack(out, version);
}

AccountingReporter::AccountingReporter(Controller& controller, AccountingLink& link)
    : controller_(controller), link_(link) {
  link_.on_connected([this] { return greet(); });
  link_.on_ready([this] { look(); });
}

void AccountingReporter::start() {
  ++reign_;
  leads_ = true;
  dropped_ = controller_.replica.snapshot()->reports_dropped;
}

void AccountingReporter::stop() {
  ++reign_;
  leads_ = false;
  db_index_.clear();
  for (const io::Event& pause : pauses_) pause.set({});
}

void AccountingReporter::look() {
  if (!leads_) return;
  const auto state = controller_.replica.snapshot();
  if (state->reports_dropped != dropped_) {
    log(Level::error, "accounting.steps_dropped",
        {{"steps", state->reports_dropped - dropped_}, {"waiting", state->reports.size()}});
    dropped_ = state->reports_dropped;
  }
  if (!link_.connected()) return;
  const bool changed = looked_at_ != state->node_ids || looked_config_ != state->config_changed;
  if (changed && !telling_) io::spawn(tell_change());
  if (!sending_ && !state->reports.empty()) io::spawn(send());
}

io::Task<> AccountingReporter::rest(std::uint64_t ms) {
  const auto at = pauses_.insert(pauses_.end(), io::Event(controller_.loop));
  auto waiting = at->wait(io::Deadline::in_ms(ms));
  (void)co_await waiting;
  pauses_.erase(at);
}

io::Task<Result<void>> AccountingReporter::greet() {
  db_index_.clear();
  told_.clear();
  auto learning = learn_tres();
  Result<void> learned = co_await learning;
  if (!learned) co_return learned;
  auto telling = tell_cluster();
  Result<void> told = co_await telling;
  co_return told;
}

/// The numbers of all TRES; those of AccountingStorageTRES that have none get one.
io::Task<Result<void>> AccountingReporter::learn_tres() {
  for (int round = 0; round < 2; ++round) {
    auto asking = link_.ask(MsgType::DBD_GET_TRES, wire::TresCond{});
    const Result<rpc::Response> answer = co_await asking;
    if (!answer) co_return fail(answer.error());
    if (!answer->is<wire::TresList>()) co_return fail(Errc::unexpected_msg, "no list of TRES");
    for (const wire::TresRec& each : answer->as<wire::TresList>().list) tres_.add(each);
    wire::TresList missing;
    for (std::string_view name : conf::split_list(controller_.config->accounting_storage_tres)) {
      if (tres_.knows(name)) continue;
      wire::TresRec tres;
      const std::size_t slash = std::min(name.find('/'), name.size());
      tres.type = name.substr(0, slash);
      if (slash < name.size()) tres.name = name.substr(slash + 1);
      missing.list.push_back(std::move(tres));
    }
    if (missing.list.empty() || round == 1) break;
    auto adding = link_.ask(MsgType::DBD_ADD_TRES, missing);
    const Result<rpc::Response> added = co_await adding;
    if (!added) co_return fail(added.error());
    const auto rc = accounting_rc(*added);
    if (!rc || rc->rc != 0)
      log(Level::error, "accounting.no_tres", {{"tres", controller_.config->accounting_storage_tres}});
  }
  co_return Result<void>{};
}

io::Task<Result<void>> AccountingReporter::tell_cluster() {
  const auto state = controller_.replica.snapshot();
  looked_at_ = state->node_ids;
  looked_config_ = state->config_changed;
  nodes_ = std::make_shared<const HostSet>(cluster_nodes(*state));
  wire::DbdClusterTres words = cluster_record(*state, tres_, *nodes_);
  words.event_time = io::now();
  const std::string now = words.cluster_nodes + " " + words.tres_str;
  if (now == told_) co_return Result<void>{};
  auto telling = link_.ask(MsgType::DBD_CLUSTER_TRES, words);
  const Result<rpc::Response> answer = co_await telling;
  if (!answer) co_return fail(answer.error());
  const auto rc = accounting_rc(*answer);
  if (!rc) co_return fail(rc.error());
  told_ = now;
  const bool first = rc->rc == kFirstRegistration || rc->rc == kNodesChanged;
  if (!first && rc->rc != kTresChanged) co_return Result<void>{};
  log(Level::info, "accounting.cluster_told", {{"nodes", words.cluster_nodes}, {"tres", words.tres_str}});
  auto proposal = controller_.replica.propose(state::ReportAll{.nodes_only = !first});
  const Result<state::Reply> reply = co_await proposal;
  if (!reply) co_return fail(reply.error());
  co_return Result<void>{};
}

io::Task<> AccountingReporter::tell_change() {
  telling_ = true;
  auto learning = learn_tres();
  Result<void> done = co_await learning;
  if (done) {
    auto telling = tell_cluster();
    done = co_await telling;
  }
  telling_ = false;
  // A lost connection tells everything when it is back.
  if (!done) log(Level::warn, "accounting.cluster_not_told", {{"error", done.error().text}});
}

/// The reports that go next, without their words.
AccountingReporter::Batch AccountingReporter::next(const state::ClusterState& state) const {
  Batch out;
  state.reports.for_each([&](std::uint64_t, const auto& report) {
    // Heard a second time it would end what was reported after it: it goes alone, and before everything else.
    const bool flush = report->kind == Report::Kind::flush_jobs;
    if (flush && !out.reports.empty()) return false;
    // slurmdbd finds the record of a job that changes its size by our knowing its number only.
    const bool resizes = report->kind == Report::Kind::job_end && report->job->state.has(model::job_flag::resizing);
    if (resizes && !out.reports.empty() && !db_index_.contains(run_of(*report->job))) return false;
    const auto known = report->job ? db_index_.find(run_of(*report->job)) : db_index_.end();
    out.reports.push_back(report);
    out.db_index.push_back(known == db_index_.end() ? 0 : known->second);
    return !flush && out.reports.size() < kBatchMax;
  });
  return out;
}

/// Sends until nothing is left or the connection is lost.
io::Task<> AccountingReporter::send() {
  const std::uint64_t reign = reign_;
  sending_ = true;
  std::string told;  // the error that stands in the log
  while (reign == reign_ && link_.connected() && !controller_.replica.snapshot()->reports.empty()) {
    auto sending = send_batch();
    const Result<void> sent = co_await sending;
    if (sent) {
      told.clear();
      continue;
    }
    if (reign != reign_ || !link_.connected()) break;
    if (told != sent.error().text) {
      told = sent.error().text;
      log(Level::error, "accounting.refused", {{"error", told}});
    }
    auto pause = rest(kRefusedMs);
    co_await pause;
  }
  sending_ = false;
}

io::Task<Result<void>> AccountingReporter::send_batch() {
  const std::uint64_t reign = reign_;
  const auto state = controller_.replica.snapshot();
  const Batch batch = next(*state);
  auto packing = io::on_worker(controller_.loop, [state, batch, tres = tres_, nodes = nodes_,
                                                  config = controller_.config, version = link_.version()] {
    return words_of(*state, batch, tres, *nodes, *config, version);
  });
  std::string words = co_await packing;
  if (reign != reign_) co_return fail(Errc::closed);
  auto sending = link_.ask_packed(MsgType::DBD_SEND_MULT_MSG, std::move(words));
  const Result<rpc::Response> answer = co_await sending;
  if (!answer) co_return fail(answer.error());
  if (reign != reign_) co_return fail(Errc::closed);
  if (!answer->is<wire::PackedMessageList>()) {
    const auto rc = accounting_rc(*answer);
    co_return rc ? fail(Errc::error, "{} reports: {}", batch.reports.size(), rc->comment) : fail(rc.error());
  }
  const auto& answers = answer->as<wire::PackedMessageList>().list;
  std::uint64_t taken = 0;  // up to this report
  Result<void> done;
  for (std::size_t i = 0; i < batch.reports.size() && done; ++i) {
    const Report& report = *batch.reports[i];
    if (i >= answers.size()) break;  // the others come again
    auto inner = rpc::open_bare_frame(answers[i].bytes, link_.version());
    if (!inner) {
      done = fail(Errc::corrupt, "the answer to {}: {}", text_of(report), inner.error().text);
    } else if (inner->is<wire::DbdIdRc>()) {
      auto heeding = heed(report, inner->as<wire::DbdIdRc>());
      done = co_await heeding;
    } else if (const auto rc = accounting_rc(*inner); !rc || rc->rc != 0) {
      done = fail(Errc::error, "{}: {} {}", text_of(report), rc ? rc->rc : 0, rc ? rc->comment : rc.error().text);
    }
    if (reign != reign_) co_return fail(Errc::closed);
    if (!done) break;
    taken = report.number;
    if (report.kind == Report::Kind::job_end) db_index_.erase(run_of(*report.job));
  }
  if (taken != 0) {
    auto proposal = controller_.replica.propose(state::ForgetReports{.up_to = taken});
    const Result<state::Reply> reply = co_await proposal;
    if (!reply) co_return fail(reply.error());
  }
  co_return done;
}

/// The daemon has given the job a number, and may want its script or environment.
io::Task<Result<void>> AccountingReporter::heed(const Report& report, const wire::DbdIdRc& answer) {
  if (answer.return_code != 0) co_return fail(Errc::error, "{}: {}", text_of(report), answer.return_code);
  if (report.job) db_index_[run_of(*report.job)] = answer.db_index;
  if (!report.payload) co_return Result<void>{};
  const wire::DbdJobHeavy heavy = job_heavy_record(*report.payload, answer.flags);
  if (heavy.env.empty() && heavy.script.empty()) co_return Result<void>{};
  auto sending = link_.ask(MsgType::DBD_JOB_HEAVY, heavy);
  const Result<rpc::Response> sent = co_await sending;
  if (!sent) co_return fail(sent.error());
  const auto rc = accounting_rc(*sent);
  if (!rc) co_return fail(rc.error());
  co_return rc->rc == 0 ? Result<void>{} : fail(Errc::error, "script of {}: {}", text_of(report), rc->comment);
}

}  // namespace flurm::ctld
