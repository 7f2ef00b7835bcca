// state/format_test.cpp — controllers of two releases: what is newer stays out until the format that has it is in use.
#include "state/format.hpp"

#include "gtest/gtest.h"
#include "state/apply.hpp"
#include "state/world.hpp"

namespace flurm::state {
namespace {

using test::World;

TEST(Format, a_state_is_stored_in_the_format_in_use) {
  World w;
  w.submit();
  ASSERT_EQ(w.state.format, kOldestFormat);
  const std::string old_form = save(w.state);
  w.use_newest_format();
  EXPECT_EQ(w.state.format, kFormat);
  const std::string new_form = save(w.state);
  EXPECT_GT(new_form.size(), old_form.size());
  for (const std::string& form : {old_form, new_form}) {
    const auto loaded = load(form);
    ASSERT_TRUE(loaded) << loaded.error().text;
    EXPECT_EQ(loaded->format, form == old_form ? kOldestFormat : kFormat);
    EXPECT_EQ(save(*loaded), form);
  }
  w.run(UseFormat{kOldestFormat});
  EXPECT_EQ(w.state.format, kFormat) << "never back";
}

TEST(Format, a_later_format_is_refused_by_name) {
  World w;
  w.state.format = static_cast<std::uint16_t>(kFormat + 1);
  const auto loaded = load(save(w.state));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find(fmt::format("this release reads 1 to {}", kFormat)), std::string::npos)
      << loaded.error().text;
  const auto entry = decode(encode({.now = w.now, .command = UseFormat{static_cast<std::uint16_t>(kFormat + 1)}},
                                   static_cast<std::uint16_t>(kFormat + 1)));
  EXPECT_FALSE(entry);
}

TEST(Format, commands_of_a_newer_format_are_known_as_such) {
  EXPECT_EQ(format_of(Tick{}), kOldestFormat);
  EXPECT_EQ(format_of(SetDrain{}), 3);
  EXPECT_EQ(format_of(PutReservation{}), 4);
  EXPECT_EQ(format_of(UseFormat{7}), 7);
  const Entry drain{.now = TimeS{1}, .command = SetDrain{true, "why"}};
  const auto back = decode(encode(drain, 3));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<SetDrain>(back->command).reason, "why");
}

TEST(Format, the_books_of_accounting_are_kept_and_known_to_be_new) {
  World w;
  w.use_newest_format();
  PutBooks put;
  put.whole = true;
  put.records.qos.set(1, {.id = 1, .name = "normal"});
  put.records.set_assoc({.id = 7, .cluster = "test", .account = "root"});
  put.records.set_assoc(
      {.id = 8, .cluster = "test", .account = "physics", .user = "ann", .parent_id = 7, .is_default = true});
  EXPECT_EQ(format_of(put), 5);
  const auto back = decode(encode({.now = w.now, .command = put}, kFormat));
  ASSERT_TRUE(back) << back.error().text;
  w.run(back->command);
  w.state.assoc_usage.set(8, std::make_shared<const acct::Usage>(acct::Usage{.raw = 0.1, .tres = {{1, 1e-9}}}));
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->books->default_assoc("test", "ann")->id, 8u);
  EXPECT_EQ(*loaded->assoc_usage.find(8), *w.state.assoc_usage.find(8));
  EXPECT_EQ(state_hash(*loaded), state_hash(w.state));

  PutBooks news{.made_for = w.state.books_version + 1};
  news.assocs_gone = {8};
  EXPECT_EQ(w.run(news).code, Errc::outdated);
  --news.made_for;
  EXPECT_EQ(w.run(news).code, Errc::success);
  EXPECT_FALSE(w.state.books->default_assoc("test", "ann"));
  EXPECT_FALSE(w.state.assoc_usage.find(8));
}

TEST(Format, licenses_of_a_server_need_a_format_that_has_them) {
  World w;
  w.use_newest_format();
  PutBooks put{.whole = true};
  put.records.resources.set(3, {.id = 3, .name = "far", .server = "host", .count = 20, .shares = {{"test", 50}}});
  const Entry entry{.now = w.now, .command = put};
  const auto old = decode(encode(entry, 5));
  ASSERT_TRUE(old);
  EXPECT_EQ(std::get<PutBooks>(old->command).records.resources.size(), 0u);
  w.state.settings.cluster_name = "test";
  w.state.settings.licenses = "here:2";
  w.run(decode(encode(entry, kFormat))->command);
  EXPECT_EQ(w.state.licenses(), "here:2,far@host:10");
  EXPECT_EQ(load(save(w.state))->licenses(), w.state.licenses());
  PutBooks gone{.made_for = w.state.books_version};
  gone.resources_gone = {3};
  w.run(decode(encode({.now = w.now, .command = gone}, kFormat))->command);
  EXPECT_EQ(w.state.licenses(), "here:2");
}

TEST(Drain, new_jobs_are_refused_and_the_rest_goes_on) {
  World w;
  w.use_newest_format();
  const JobId waiting = w.submit();
  w.run(SetDrain{true, "new disks"});
  const TimeS since = w.state.drain.since;
  const Reply refused = w.run(w.job());
  EXPECT_EQ(refused.code, Errc::submissions_disabled);
  EXPECT_EQ(refused.text, "the cluster takes no new jobs: new disks");
  EXPECT_EQ(w.state.jobs.size(), 1u);
  w.start(waiting);
  EXPECT_EQ(w.shown(waiting), "RUNNING");
  w.now.v += 60;
  w.run(SetDrain{true, ""});
  EXPECT_EQ(w.state.drain.since, since);
  const auto loaded = load(save(w.state));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->drain, w.state.drain);
  w.run(SetDrain{false, ""});
  EXPECT_TRUE(w.submit().v);
  w.finish(waiting);
  EXPECT_EQ(w.shown(waiting), "COMPLETED");
}

}  // namespace
}  // namespace flurm::state
