// store/store_test.cpp — what was written is read again; who comes second is told; what fails leaves nothing.
#include "store/store.hpp"

#include <filesystem>

#include "acct/edit.hpp"
#include "gtest/gtest.h"
#include "store/columns.hpp"

namespace flurm::store {
namespace {

constexpr TimeS kNow{1000};

class Database : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/flurm-store-XXXXXX";
    ASSERT_TRUE(mkdtemp(folder));
    folder_ = folder;
    store_ = open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Place place() const {
    Place file;
    file.path = folder_ + "/a.sqlite";
    return file;
  }
  std::unique_ptr<Store> open() {
    auto opened = Store::open(place());
    EXPECT_TRUE(opened) << opened.error().text;
    return opened ? std::move(*opened) : nullptr;
  }
  Loaded load(Store& store) {
    auto loaded = store.load(acct::founding_books(kNow));
    EXPECT_TRUE(loaded) << loaded.error().text;
    return std::move(*loaded);
  }
  acct::Job add(std::uint32_t id, TimeS submit, TimeS end) {
    acct::Job job;
    job.cluster = "c";
    job.job_id = id;
    job.submit = submit;
    job.end = end;
    EXPECT_TRUE(store_->write([&](Writer& writer) -> Result<void> {
      writer.add(job);
      return {};
    }));
    return job;
  }
  std::vector<acct::Job> find(const JobFilter& filter) {
    std::vector<acct::Job> jobs;
    EXPECT_TRUE(store_->read([&](Reader& reader) { jobs = reader.jobs(filter); }));
    return jobs;
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(Database, books_come_back_as_they_were) {
  const Loaded first = load(*store_);
  acct::Books books = *first.books;
  acct::Cluster cluster;
  cluster.name = "c'\"";
  cluster.tres = {{1, 8}};
  acct::add_cluster(books, cluster, {}, kNow);
  acct::Qos qos;
  qos.id = books.next_qos_id++;
  qos.name = "high";
  qos.preempt = {1};
  qos.usage_factor = 0.5;
  qos.max_tres_pu = {{1, 1ull << 60}};
  books.qos.set(qos.id, qos);
  acct::Account account;
  account.name = "a";
  account.coordinators = {"x", "y"};
  books.accounts.set("a", account);
  auto saved = store_->save(*first.books, books, {}, first.revision);
  ASSERT_TRUE(saved) << saved.error().text;

  store_ = open();
  const Loaded again = load(*store_);
  EXPECT_EQ(again.revision, *saved);
  EXPECT_EQ(*again.books->clusters.find("c'\""), *books.clusters.find("c'\""));
  EXPECT_EQ(*again.books->qos.find(qos.id), qos);
  EXPECT_EQ(*again.books->accounts.find("a"), account);
  ASSERT_EQ(again.books->assocs().size(), books.assocs().size());
  for (const auto& [id, assoc] : books.assocs().rows()) EXPECT_EQ(*again.books->assocs().find(id), *assoc);
  EXPECT_EQ(again.books->next_qos_id, books.next_qos_id);
}

TEST_F(Database, who_comes_second_is_told_and_changes_nothing) {
  const Loaded first = load(*store_);
  const std::unique_ptr<Store> other = open();
  const Loaded second = load(*other);
  acct::Books ours = *first.books, theirs = *second.books;
  acct::User user;
  user.name = "ours";
  ours.users.set("ours", user);
  user.name = "theirs";
  theirs.users.set("theirs", user);
  ASSERT_TRUE(store_->save(*first.books, ours, {}, first.revision));
  auto late = other->save(*second.books, theirs, {}, second.revision);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::outdated);
  const Loaded now = load(*other);
  EXPECT_TRUE(now.books->users.find("ours"));
  EXPECT_FALSE(now.books->users.find("theirs"));
}

TEST_F(Database, the_log_numbers_its_lines) {
  const Loaded first = load(*store_);
  const acct::Transaction line{0, kNow, 1404, "root", "id_assoc=1", "acct='a'", "c"};
  ASSERT_TRUE(store_->save(*first.books, *first.books, std::vector{line, line}, first.revision));
  std::vector<acct::Transaction> log;
  ASSERT_TRUE(store_->read([&](Reader& reader) { log = reader.transactions({}, {}); }));
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1].id, 2u);
  EXPECT_EQ(log[1].actor, "root");
}

TEST_F(Database, jobs_are_found_by_number_and_time) {
  load(*store_);
  add(1, {100}, {200});
  add(2, {150}, {});
  add(1, {300}, {400});
  EXPECT_EQ(find({}).size(), 3u);
  JobFilter filter;
  filter.job_ids = {1};
  const auto runs = find(filter);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_LT(runs[0].submit, runs[1].submit);
  filter = {};
  filter.period_start = {250};
  EXPECT_EQ(find(filter).size(), 2u);
  filter.period_end = {260};
  ASSERT_EQ(find(filter).size(), 1u);
  EXPECT_EQ(find(filter)[0].job_id, 2u);
}

TEST_F(Database, jobs_of_all_lives_are_found_by_time) {
  load(*store_);
  constexpr std::int64_t kLives[] = {0,     1,      7199,   7200,    7201,    86399,
                                     86400, 604799, 604800, 3023999, 3024000, 40'000'000};
  constexpr std::int64_t kAt = 100'000'000, kApart = 300'000;
  std::vector<acct::Job> all;
  std::uint32_t id = 0;
  for (const std::int64_t life : kLives)
    for (std::int64_t begin = kAt - 2 * kApart - life; begin <= kAt + 2 * kApart; begin += 50'000 + life / 20)
      all.push_back(add(++id, {begin}, {begin + life}));
  for (const std::int64_t begin : {kAt - kApart, kAt, kAt + 2 * kApart}) all.push_back(add(++id, {begin}, {}));
  for (const auto& [from, to] : {std::pair{kAt, kAt + kApart}, std::pair{kAt, std::int64_t{0}}, std::pair{kAt, kAt}}) {
    std::vector<std::uint32_t> expected, found;
    for (const acct::Job& job : all)
      if ((!job.end || job.end.v >= from) && (to == 0 || job.submit.v <= to)) expected.push_back(job.job_id);
    JobFilter filter;
    filter.clusters = {"c"};
    filter.period_start = {from};
    filter.period_end = {to};
    for (const acct::Job& job : find(filter)) found.push_back(job.job_id);
    EXPECT_EQ(found, expected) << from << " " << to;
  }
}

TEST_F(Database, numbers_of_a_users_jobs_are_neighbours) {
  load(*store_);
  const auto of = [&](std::uint32_t uid, std::uint32_t id) {
    acct::Job job;
    job.cluster = "c";
    job.job_id = id;
    job.uid = uid;
    EXPECT_TRUE(store_->write([&](Writer& writer) -> Result<void> {
      writer.add(job);
      return {};
    }));
    return job.db_index;
  };
  const std::uint64_t first = of(1000, 1), other = of(2000, 2), nobody = of(kNoVal32, 3), second = of(1000, 4);
  EXPECT_EQ(second, first + 3);
  EXPECT_GT(other, second);
  EXPECT_LT(nobody, std::uint64_t{1} << 62);
}

TEST_F(Database, what_fails_in_the_middle_leaves_nothing) {
  load(*store_);
  auto failed = store_->write([&](Writer& writer) -> Result<void> {
    acct::Job job;
    job.cluster = "c";
    writer.add(job);
    return fail(Errc::einval, "second thoughts");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(find({}).empty());
}

TEST_F(Database, steps_replace_their_former_selves) {
  load(*store_);
  const acct::Job job = add(1, {100}, {});
  for (std::uint32_t state : {1u, 3u})
    ASSERT_TRUE(store_->write([&](Writer& writer) -> Result<void> {
      acct::Step step;
      step.db_index = job.db_index;
      step.step_id = kBatchStep;
      step.state = state;
      step.in_max = "1=5";
      writer.put(step);
      return {};
    }));
  ASSERT_TRUE(store_->read([&](Reader& reader) {
    const auto steps = reader.steps(job.db_index);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].step_id, kBatchStep);
    EXPECT_EQ(steps[0].state, 3u);
  }));
}

TEST_F(Database, a_transaction_finds_what_it_put) {
  load(*store_);
  const acct::Job old = add(1, {100}, {});
  ASSERT_TRUE(store_->write([&](Writer& writer) -> Result<void> {
    writer.expect("c", {1, 2, 1});
    EXPECT_FALSE(writer.job("c", 2, {100}));
    acct::Job fresh;
    fresh.cluster = "c";
    fresh.job_id = 2;
    fresh.submit = {100};
    writer.add(fresh);
    fresh.state = 1;
    writer.put(fresh);
    EXPECT_EQ(writer.job("c", 2, {100}), fresh);
    acct::Job changed = writer.job("c", 1, {100}).value();
    changed.end = {200};
    writer.put(changed);
    acct::Step step;
    step.db_index = fresh.db_index;
    step.het_comp = 0;
    EXPECT_FALSE(writer.step(fresh.db_index, 0, 0));
    writer.put(step);
    EXPECT_TRUE(writer.step(fresh.db_index, 0, 0));
    EXPECT_EQ(writer.steps(fresh.db_index).size(), 1u);
    JobFilter running;
    running.unfinished_only = true;
    EXPECT_EQ(writer.jobs(running), std::vector{fresh});
    step.end = {300};
    writer.put(step);
    fresh.end = {300};
    writer.put(fresh);
    return {};
  }));
  const std::vector<acct::Job> jobs = find({});
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].db_index, old.db_index);
  EXPECT_EQ(jobs[0].end.v, 200);
  EXPECT_EQ(jobs[1].end.v, 300);
  ASSERT_TRUE(store_->read([&](Reader& reader) {
    const auto steps = reader.steps(jobs[1].db_index);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].end.v, 300);
  }));
  EXPECT_GT(add(3, {100}, {}).db_index, jobs[1].db_index) << "a number given out twice";
}

TEST_F(Database, a_newer_schema_is_refused) {
  load(*store_);
  store_.reset();
  Session(place()).execute("UPDATE meta SET value = 1000 WHERE name = 'schema'");
  auto opened = Store::open(place());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().text.find("schema 1000"), std::string::npos);
}

TEST_F(Database, what_is_archived_comes_back_as_it_was) {
  load(*store_);
  acct::Job old = add(1, TimeS{100}, TimeS{200});
  old.name = "tab\t, line\n, \\ and 'quote'";
  old.script_hash = "h";
  acct::Step step;
  step.db_index = old.db_index;
  step.name = "batch";
  step.start = TimeS{120};
  ASSERT_TRUE(store_->write([&](Writer& writer) -> Result<void> {
    writer.put(old);
    writer.put(step);
    writer.add_text(1, "h", "#!/bin/sh\n");
    return {};
  }));
  add(2, TimeS{100}, {});  // it still runs
  const std::vector<acct::Job> before = find({});
  std::string text;
  TakenOut taken;
  ASSERT_TRUE(store_->write([&](Writer& writer) -> Result<void> {
    taken = writer.archiver().take_out(OldRecords::jobs, "c", TimeS{1000}, &text);
    EXPECT_EQ(writer.archiver().take_out(OldRecords::jobs, "c", TimeS{1000}, nullptr).records, 0u);
    return {};
  }));
  EXPECT_EQ(taken.records, 2u);
  EXPECT_EQ(taken.first, TimeS{100});
  EXPECT_EQ(find({}).size(), 1u);
  ASSERT_TRUE(store_->read([](Reader& reader) { EXPECT_FALSE(reader.text(1, "h")); }));

  const auto put_back = [&](std::string_view what) {
    return store_->write([&](Writer& writer) -> Result<void> {
      auto records = writer.archiver().put_back(what);
      return records ? Result<void>() : fail(records.error());
    });
  };
  for (const std::string_view cut : {"", "flurm-archive 2\n", "flurm-archive 1\ntable meta 1\nname\ntx\n"})
    EXPECT_FALSE(put_back(cut));
  for (std::size_t length = 20; length < text.size(); length += 97) {
    if (text[length - 1] == '\n') continue;
    EXPECT_FALSE(put_back(std::string_view(text).substr(0, length))) << length;
  }
  EXPECT_EQ(find({}).size(), 1u);
  for (int round = 0; round < 2; ++round) {
    const auto done = put_back(text);
    ASSERT_TRUE(done) << done.error().text;
  }
  EXPECT_EQ(find({}), before);
  ASSERT_TRUE(store_->read([&](Reader& reader) {
    EXPECT_EQ(reader.steps(old.db_index), std::vector{step});
    EXPECT_EQ(reader.text(1, "h"), "#!/bin/sh\n");
  }));
}

}  // namespace
}  // namespace flurm::store
