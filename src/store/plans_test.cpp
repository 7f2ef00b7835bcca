// store/plans_test.cpp — the common questions are answered from indexes: the database's own plan for each statement has
// no pass over all jobs or steps. On a SQLite file, or on the empty database that FLURM_TEST_DATABASE names
// ("mysql HOST PORT NAME USER PASSWORD"; tests/real-clients/test_query_plans.py).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "store/store.hpp"

namespace flurm::store {
namespace {

/// So many that a plan without an index would be a mistake, for every optimizer.
constexpr std::uint32_t kJobs = 8000, kUsers = 50;
constexpr std::int64_t kHours = 4000, kHour = 3600, kDay = 24 * kHour, kBegin = 1'700'000'000, kApart = 600;

std::string literal(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  return "'" + std::get<std::string>(value) + "'";
}

std::string text(const Value& value) {
  const auto* word = std::get_if<std::string>(&value);
  return word ? *word : literal(value);
}

class Plans : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (const char* place = std::getenv("FLURM_TEST_DATABASE")) {
      std::istringstream words(place);
      std::string kind;
      words >> kind >> place_.host >> place_.port >> place_.name >> place_.user >> place_.password;
      place_.kind = kind == "pgsql" ? Place::Kind::pgsql : Place::Kind::mysql;
    } else {
      char folder[] = "/tmp/flurm-plans-XXXXXX";
      ASSERT_TRUE(mkdtemp(folder));
      folder_ = folder;
      place_.path = folder_ + "/a.sqlite";
    }
    auto store = Store::open(place_);
    ASSERT_TRUE(store) << store.error().text;
    const auto written = (*store)->write([](Writer& writer) -> Result<void> {
      for (std::uint32_t i = 0; i < kJobs; ++i) fill(writer, i);
      std::vector<IdUsage> ids;
      std::vector<ClusterUsage> clusters;
      for (std::int64_t hour = 0; hour < kHours; ++hour) {
        ids.push_back({17, 1, TimeS{kBegin + hour * kHour}, 1});
        clusters.push_back({1, TimeS{kBegin + hour * kHour}, {}});
      }
      writer.usage_writer().add("c", UsageOf::associations, acct::Period::hour, ids);
      writer.usage_writer().add("c", acct::Period::hour, clusters);
      return {};
    });
    ASSERT_TRUE(written) << written.error().text;
    store->reset();
    // So the migration has met a database that is in use, and what follows sees what it made of it.
    leave_as_schema_4();
    store = Store::open(place_);
    ASSERT_TRUE(store) << store.error().text;
    Session session(place_);
    ASSERT_GT(session.number("SELECT value FROM meta WHERE name = 'schema'"), 4);
    if (place_.kind == Place::Kind::mysql)
      session.query("ANALYZE TABLE jobs, steps, suspensions");
    else
      session.execute("ANALYZE");
  }
  /// The tables as those before migration 5 left them.
  static void leave_as_schema_4() {
    Session session(place_);
    const std::string of = place_.kind == Place::Kind::mysql ? " ON jobs" : "";
    for (const char* index : {"jobs_of_time", "jobs_of_users_time", "jobs_of_assocs_time"})
      session.execute(std::string("DROP INDEX ") + index + of);
    session.execute("ALTER TABLE jobs DROP COLUMN lasted");
    session.execute("CREATE INDEX jobs_in_time ON jobs (cluster, time_end, time_submit)");
    session.execute("CREATE INDEX jobs_of_user ON jobs (cluster, uid, time_end, time_submit)");
    session.execute("CREATE INDEX jobs_of_assoc ON jobs (assoc_id, time_end, time_submit)");
    session.execute("UPDATE meta SET value = 4 WHERE name = 'schema'");
  }
  static void TearDownTestSuite() {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  static void fill(Writer& writer, std::uint32_t i) {
    acct::Job job;
    job.cluster = i % 10 ? "c" : "other";
    job.job_id = i + 1;
    job.uid = i * 7919 % kUsers;
    job.assoc_id = job.uid + 10;
    job.submit = job.eligible = job.start = TimeS{kBegin + i * kApart};
    if (i % 1000) job.end = TimeS{job.start.v + 500};
    job.work_dir = std::string(200, 'x');
    writer.add(job);
    acct::Step step;
    step.db_index = job.db_index;
    step.start = job.start;
    writer.put(step);
  }

  /// Asks, and looks at the plan of all that is asked.
  template <class Ask>
  void expect_indexed(const std::string& what, Ask&& ask) {
    Session session(place_), explaining(place_);
    int questions = 0;
    session.watch([&](const std::string& sql, const Row& values) {
      ++questions;
      std::string whole;
      std::size_t next = 0;
      for (const char c : sql) c == '?' ? whole += literal(values.at(next++)) : whole += c;
      const std::string plan = explain(explaining, whole);
      EXPECT_FALSE(scans(plan)) << what << ": " << whole << "\n" << plan;
    });
    Reader reader(session);
    ask(reader);
    EXPECT_GT(questions, 0) << what;
  }

 private:
  static std::string explain(Session& session, const std::string& sql) {
    std::string plan;
    session.for_each((place_.kind == Place::Kind::sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ") + sql, {},
                     [&](const Row& row) {
                       for (const Value& each : row) plan += text(each) + "|";
                       plan += "\n";
                     });
    return plan;
  }
  static bool scans(const std::string& plan) {
    switch (place_.kind) {
      case Place::Kind::sqlite:
        return plan.contains("SCAN");
      case Place::Kind::mysql:  // how a table is entered: all of it, or all of an index
        return plan.contains("|ALL|") || plan.contains("|index|");
      case Place::Kind::pgsql:
        return plan.contains("Seq Scan");
    }
    return true;
  }

  inline static std::string folder_;

 protected:
  inline static Place place_;
};

JobFilter day() {
  JobFilter filter;
  filter.clusters = {"c"};
  filter.period_start = TimeS{kBegin + kJobs * kApart - 10 * kDay};
  filter.period_end = TimeS{filter.period_start.v + kDay};
  return filter;
}

// Those by node, state, name and partition are sifted from the same.
TEST_F(Plans, of_sacct) {
  expect_indexed("everybody's day", [](Reader& reader) { EXPECT_GT(reader.jobs(day()).size(), 100u); });
  expect_indexed("a user's day", [](Reader& reader) {
    JobFilter filter = day();
    filter.uids = {7};
    const auto jobs = reader.jobs(filter);
    ASSERT_FALSE(jobs.empty());
    std::vector<std::uint64_t> numbers;
    for (const acct::Job& job : jobs) numbers.push_back(job.db_index);
    EXPECT_EQ(reader.steps_of(numbers).size(), numbers.size());
  });
  expect_indexed("an association's day", [](Reader& reader) {
    JobFilter filter = day();
    filter.assoc_ids = {17};
    EXPECT_FALSE(reader.jobs(filter).empty());
  });
  expect_indexed("a job by its number", [](Reader& reader) {
    JobFilter filter;
    filter.clusters = {"c"};
    filter.job_ids = {778};
    EXPECT_EQ(reader.jobs(filter).size(), 1u);
  });
  expect_indexed("what runs away", [](Reader& reader) {
    JobFilter filter;
    filter.clusters = {"other"};
    filter.unfinished_only = true;
    EXPECT_EQ(reader.jobs(filter).size(), kJobs / 1000);
  });
}

// What is old is found, and whether that takes long does not depend on how much has come since.
TEST_F(Plans, of_what_is_old) {
  JobFilter filter = day();
  filter.period_start = TimeS{kBegin + 2 * kDay};
  filter.period_end = TimeS{filter.period_start.v + kDay};
  filter.uids = {7};
  Session session(place_);
  std::int64_t looked_at = 0;
  session.watch([&](const std::string& sql, const Row& values) {
    Session counting(place_);
    // What an index is entered with: all but the time of submission.
    const std::string submitted = " AND time_submit <= ?", before = " WHERE ";
    std::size_t value = 0;
    for (std::size_t at = 0; (at = sql.find(before, at)) != sql.npos;) {
      at += before.size();
      const std::size_t end = sql.find(submitted, at);
      ASSERT_NE(end, sql.npos);
      const std::string where = sql.substr(at, end - at);
      Row entered;
      for (auto marks = std::ranges::count(where, '?'); marks > 0; --marks) entered.push_back(values.at(value++));
      ++value;
      looked_at += counting.number("SELECT COUNT(*) FROM jobs WHERE " + where, entered);
    }
  });
  const auto jobs = Reader(session).jobs(filter);
  EXPECT_GT(jobs.size(), 1u);
  EXPECT_LT(looked_at, 3 * static_cast<std::int64_t>(jobs.size()) + 3);
}

TEST_F(Plans, of_reports) {
  const std::vector<std::uint32_t> numbers = {2, 3, 4, 5};
  expect_indexed("the jobs of a batch of reports",
                 [&](Reader& reader) { EXPECT_EQ(reader.jobs_of("c", numbers).size(), 4u); });
  expect_indexed("a job and its steps", [](Reader& reader) {
    const auto job = reader.job("c", 778, TimeS{kBegin + 777 * kApart});
    ASSERT_TRUE(job);
    EXPECT_TRUE(reader.job(job->db_index));
    EXPECT_EQ(reader.steps(job->db_index).size(), 1u);
    EXPECT_TRUE(reader.step(job->db_index, 0, kNoVal32));
  });
}

TEST_F(Plans, of_associations_and_rollup) {
  const std::vector<std::uint32_t> assocs = {17}, none = {9999};
  expect_indexed("whether an association has jobs", [&](Reader& reader) {
    EXPECT_TRUE(reader.has_jobs("c", assocs));
    EXPECT_FALSE(reader.has_jobs("c", none));
  });
  expect_indexed("an hour to roll up", [](Reader& reader) {
    int jobs = 0;
    const TimeS from{kBegin + kJobs * kApart - kDay};
    reader.usage().for_jobs("c", from, TimeS{from.v + kHour}, [&](const acct::JobUse&) { ++jobs; });
    EXPECT_GE(jobs, 5);
  });
  expect_indexed("a day's usage", [](Reader& reader) {
    const TimeS from{kBegin};
    const TimeS to{from.v + kDay};
    EXPECT_EQ(reader.usage().of_ids("c", UsageOf::associations, acct::Period::hour, from, to).size(), 24u);
    EXPECT_EQ(reader.usage().of_cluster("c", acct::Period::hour, from, to).size(), 24u);
  });
}

}  // namespace
}  // namespace flurm::store
