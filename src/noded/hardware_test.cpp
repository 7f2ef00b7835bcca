// noded/hardware_test.cpp — counting sockets, cores and threads.
#include "noded/hardware.hpp"

#include <unistd.h>

#include "gtest/gtest.h"

namespace flurm::noded {
namespace {

TEST(Hardware, of_this_machine) {
  const auto hardware = detect_hardware();
  ASSERT_TRUE(hardware);
  EXPECT_EQ(hardware->cpus, sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_LE(hardware->sockets * hardware->cores_per_socket * hardware->threads_per_core, hardware->cpus);
  EXPECT_GT(hardware->memory_mib, 100u);
  EXPECT_FALSE(hardware->arch.empty());
  EXPECT_GT(disk_mib("/"), 0u);
  EXPECT_EQ(disk_mib("/nonexistent"), 0u);
  EXPECT_GT(uptime_s(), 0u);
}

TEST(Hardware, two_sockets_with_threads) {
  const auto hardware = count_hardware("package:2 core:2 pu:2");
  ASSERT_TRUE(hardware) << hardware.error().text;
  EXPECT_EQ(hardware->cpus, 8);
  EXPECT_EQ(hardware->sockets, 2);
  EXPECT_EQ(hardware->cores_per_socket, 2);
  EXPECT_EQ(hardware->threads_per_core, 2);
  EXPECT_FALSE(count_hardware("nonsense:0"));
}

TEST(Hardware, printed_as_slurmd_does) {
  Hardware hardware;
  hardware.cpus = 8;
  hardware.sockets = 2;
  hardware.cores_per_socket = 4;
  hardware.memory_mib = 24105;
  EXPECT_EQ(describe("n1", hardware, 90061),
            "NodeName=n1 CPUs=8 Boards=1 SocketsPerBoard=2 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=24105\n"
            "UpTime=1-01:01:01\n");
}

}  // namespace
}  // namespace flurm::noded
