// ctld/cron_test.cpp — the times of scrontab's lines, and who gets which MCS label.
#include "ctld/cron.hpp"

#include <cstdlib>
#include <ctime>

#include "ctld/job_defaults.hpp"
#include "ctld/mcs.hpp"
#include "gtest/gtest.h"

namespace flurm::ctld {
namespace {

/// The local time zone of this process, for one test.
class TimeZone {
 public:
  explicit TimeZone(const char* name) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", name, 1);
    tzset();
  }
  ~TimeZone() {
    if (old_.empty())
      unsetenv("TZ");
    else
      setenv("TZ", old_.c_str(), 1);
    tzset();
  }

 private:
  std::string old_;
};

TimeS at(int year, int month, int day, int hour, int minute, int second = 0) {
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  tm.tm_hour = hour;
  tm.tm_min = minute;
  tm.tm_sec = second;
  tm.tm_isdst = -1;
  return TimeS{std::mktime(&tm)};
}

wire::Bits bits(std::uint32_t size, std::vector<std::uint32_t> set) {
  wire::Bits out(size);
  for (std::uint32_t bit : set) out.set(bit);
  return out;
}

/// "M H D M W"; an empty list is "*".
model::CronEntry line(std::vector<std::uint32_t> minute, std::vector<std::uint32_t> hour,
                      std::vector<std::uint32_t> day, std::vector<std::uint32_t> month,
                      std::vector<std::uint32_t> weekday) {
  wire::CronEntry entry;
  entry.flags = (minute.empty() ? 2u : 0) | (hour.empty() ? 4u : 0) | (day.empty() ? 8u : 0) |
                (month.empty() ? 16u : 0) | (weekday.empty() ? 32u : 0);
  entry.minute = bits(61, minute);
  entry.hour = bits(25, hour);
  entry.day_of_month = bits(32, day);
  entry.month = bits(13, month);
  entry.day_of_week = bits(8, weekday);
  return cron_entry(entry).value();
}

TEST(Cron, the_next_start_is_in_a_later_minute) {
  const TimeZone utc("UTC");
  EXPECT_EQ(next_cron_start(line({}, {}, {}, {}, {}), at(2026, 5, 1, 12, 30, 15)), at(2026, 5, 1, 12, 31));
  EXPECT_EQ(next_cron_start(line({30}, {12}, {}, {}, {}), at(2026, 5, 1, 12, 30)), at(2026, 5, 2, 12, 30));
  EXPECT_EQ(next_cron_start(line({0, 30}, {}, {}, {}, {}), at(2026, 5, 1, 23, 45)), at(2026, 5, 2, 0, 0));
  EXPECT_EQ(next_cron_start(line({5}, {3}, {1}, {1}, {}), at(2026, 1, 1, 3, 5)), at(2027, 1, 1, 3, 5));
  EXPECT_EQ(next_cron_start(line({0}, {0}, {29}, {2}, {}), at(2096, 2, 29, 0, 0)), at(2104, 2, 29, 0, 0));
}

TEST(Cron, days_of_the_month_and_of_the_week) {
  const TimeZone utc("UTC");
  const TimeS friday = at(2026, 5, 1, 12, 0);
  EXPECT_EQ(next_cron_start(line({0}, {0}, {}, {}, {1}), friday), at(2026, 5, 4, 0, 0));
  EXPECT_EQ(next_cron_start(line({0}, {0}, {20}, {}, {}), friday), at(2026, 5, 20, 0, 0));
  EXPECT_EQ(next_cron_start(line({0}, {0}, {20}, {}, {1}), friday), at(2026, 5, 4, 0, 0)) << "either will do";
  EXPECT_EQ(next_cron_start(line({0}, {0}, {2}, {}, {1}), friday), at(2026, 5, 2, 0, 0));
}

TEST(Cron, an_hour_that_the_clock_skips_has_no_start) {
  const TimeZone zone("CET-1CEST,M3.5.0/2,M10.5.0/3");
  const model::CronEntry at_half_past_two = line({30}, {2}, {}, {}, {});
  EXPECT_EQ(next_cron_start(at_half_past_two, at(2026, 3, 28, 2, 30)), at(2026, 3, 30, 2, 30));
  const std::int64_t after_midnight_s =
      next_cron_start(at_half_past_two, at(2026, 10, 24, 12, 0)) - at(2026, 10, 25, 0, 0);
  EXPECT_TRUE(after_midnight_s == 2 * 3600 + 1800 || after_midnight_s == 3 * 3600 + 1800) << after_midnight_s;
}

TEST(Cron, lines_are_shown_and_refused) {
  EXPECT_EQ(line({0, 1, 2, 7}, {3}, {}, {1, 12}, {}).spec, "0-2,7 3 * 1,12 *");
  wire::CronEntry entry;
  EXPECT_FALSE(cron_entry(entry));
  entry = {.flags = 2 | 4 | 16 | 32,
           .minute = bits(61, {}),
           .hour = bits(25, {}),
           .day_of_month = bits(32, {}),
           .month = bits(13, {}),
           .day_of_week = bits(8, {}),
           .cronspec = {}};
  EXPECT_FALSE(cron_entry(entry)) << "no day";
  entry.day_of_month = bits(32, {30});
  entry.month = bits(13, {2});
  entry.flags = 2 | 4 | 32;
  EXPECT_FALSE(cron_entry(entry)) << "no such day";
  entry.day_of_month = bits(32, {29});
  EXPECT_TRUE(cron_entry(entry));
  entry.day_of_month = bits(64, {29});
  EXPECT_FALSE(cron_entry(entry)) << "not of the size";
}

TEST(Mcs, labels) {
  conf::Config config;
  model::JobRequest request;
  EXPECT_TRUE(settle_mcs_label(request, config, "ann", {}));
  EXPECT_EQ(mcs_rule(config).select, model::McsSelect::never);
  config.mcs_plugin = "mcs/user";
  EXPECT_EQ(mcs_rule(config).select, model::McsSelect::on_demand);
  ASSERT_TRUE(settle_mcs_label(request, config, "ann", {}));
  EXPECT_EQ(request.mcs_label, "");
  request.shared = 3;
  ASSERT_TRUE(settle_mcs_label(request, config, "ann", {}));
  EXPECT_EQ(request.mcs_label, "ann");
  request.mcs_label = "bob";
  EXPECT_EQ(settle_mcs_label(request, config, "ann", {}).error().code, Errc::invalid_mcs_label);

  config.mcs_plugin = "mcs/group";
  config.mcs_plugin_params = "enforced,select:physics|biology";
  EXPECT_EQ(mcs_rule(config).select, model::McsSelect::always);
  EXPECT_FALSE(mcs_rule(config).private_data);
  config.mcs_plugin_params = "privatedata";
  EXPECT_TRUE(mcs_rule(config).private_data) << "whatever labels there are";
  config.mcs_plugin_params = "enforced,select:physics|biology";
  request.mcs_label.clear();
  request.shared = kNoVal16;
  ASSERT_TRUE(settle_mcs_label(request, config, "ann", {"users", "biology"}));
  EXPECT_EQ(request.mcs_label, "biology");
  EXPECT_FALSE(settle_mcs_label(request, config, "ann", {"physics"})) << "it asks for one that is not the user's";
  request.mcs_label.clear();
  EXPECT_FALSE(settle_mcs_label(request, config, "ann", {"users"}));
}

TEST(JobDefaults, of_a_partition_go_before_those_of_the_cluster) {
  EXPECT_EQ(to_text(parse_job_defaults("defcpupergpu=4,DefMemPerGPU=100").value()), "DefCpuPerGPU=4,DefMemPerGPU=100");
  for (const char* bad : {"DefCpuPerGPU", "DefCpuPerGPU=", "DefCpuPerGPU=x", "Other=1"})
    EXPECT_FALSE(parse_job_defaults(bad)) << bad;
  conf::Config config;
  config.def_cpu_per_gpu = 2;
  config.def_mem_per_gpu = 30;
  model::Partition partition{.name = "p"};
  partition.job_defaults = "DefCpuPerGPU=4";
  model::JobRequest request;
  apply_gpu_defaults(request, partition, config, false, false);
  EXPECT_EQ(request.cpus_per_tres, "") << "no gpus";
  request.tres_per_node = "gres:net:1,gres:gpu:tesla:2";
  apply_gpu_defaults(request, partition, config, true, false);
  EXPECT_EQ(request.cpus_per_tres, "") << "the job says how many CPUs";
  EXPECT_EQ(request.mem_per_tres, "gres:gpu:30");
  apply_gpu_defaults(request, partition, config, false, true);
  EXPECT_EQ(request.cpus_per_tres, "gres:gpu:4");
}

}  // namespace
}  // namespace flurm::ctld
