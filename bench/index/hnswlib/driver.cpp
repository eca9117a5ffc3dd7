// The hnswlib side of the comparison: commands on standard input, one line of
// key=value pairs for each on standard output.
//
//	build FOLDER M EFCONSTRUCTION THREADS
//	search EF THREADS COUNT
//
// FOLDER has base.f32, queries.f32 and truth.u32 in the machine's byte order,
// each behind two uint32: rows and values per row.
#include <hnswlib/hnswlib.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

template <typename T> struct Matrix {
  uint32_t rows = 0, width = 0;
  std::vector<T> values;

  explicit Matrix(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    in.read(reinterpret_cast<char *>(&rows), 4);
    in.read(reinterpret_cast<char *>(&width), 4);
    values.resize(size_t(rows) * width);
    in.read(reinterpret_cast<char *>(values.data()), values.size() * sizeof(T));
    if (!in) throw std::runtime_error("cannot read " + path);
  }
  const T *row(size_t i) const { return values.data() + i * width; }
};

struct Clock {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  double cpu0 = cpu();

  static double cpu() {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    auto s = [](timeval t) { return t.tv_sec + t.tv_usec * 1e-6; };
    return s(u.ru_utime) + s(u.ru_stime);
  }
  double wall() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }
  double spent() const { return cpu() - cpu0; }
};

static long status(const char *key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.rfind(key, 0) == 0) return std::stol(line.substr(line.find(':') + 1)) * 1024;
  return 0;
}

template <typename F> static void parallel(int threads, size_t n, F f) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; t++)
    all.emplace_back([&] {
      for (size_t i; (i = next.fetch_add(1)) < n;) f(i);
    });
  for (auto &t : all) t.join();
}

int main() {
  std::unique_ptr<hnswlib::InnerProductSpace> space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
  std::unique_ptr<Matrix<float>> queries;
  std::unique_ptr<Matrix<uint32_t>> truth;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "build") {
      std::string folder;
      int m, ef, threads;
      in >> folder >> m >> ef >> threads;
      {
        Matrix<float> base(folder + "/base.f32");
        space = std::make_unique<hnswlib::InnerProductSpace>(base.width);
        graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), base.rows, m, ef);
        Clock clock;
        graph->addPoint(base.row(0), 0);
        parallel(threads, base.rows - 1, [&](size_t i) { graph->addPoint(base.row(i + 1), i + 1); });
        std::printf("cpu=%f wall=%f", clock.spent(), clock.wall());
      }
      malloc_trim(0);
      std::printf(" anon=%ld file=%ld\n", status("RssAnon"), status("RssFile"));
      queries = std::make_unique<Matrix<float>>(folder + "/queries.f32");
      truth = std::make_unique<Matrix<uint32_t>>(folder + "/truth.u32");
    } else if (command == "search") {
      int ef, threads, count;
      in >> ef >> threads >> count;
      graph->setEf(ef);
      const size_t k = truth->width;
      std::vector<double> took(count);
      std::vector<std::vector<uint32_t>> found(count);
      Clock clock;
      parallel(threads, count, [&](size_t i) {
        auto start = std::chrono::steady_clock::now();
        auto best = graph->searchKnn(queries->row(i % queries->rows), k);
        took[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        for (; !best.empty(); best.pop()) found[i].push_back(best.top().second);
      });
      double cpu = clock.spent(), wall = clock.wall();
      size_t hits = 0;
      for (int i = 0; i < count; i++) {
        const uint32_t *want = truth->row(i % queries->rows);
        std::unordered_set<uint32_t> set(want, want + k);
        for (uint32_t x : found[i]) hits += set.count(x);
      }
      std::sort(took.begin(), took.end());
      std::printf("cpu=%f wall=%f p50=%f p99=%f recall=%f\n", cpu, wall, took[count / 2], took[count * 99 / 100], double(hits) / double(count * k));
    } else {
      std::printf("error=unknown\n");
    }
    std::fflush(stdout);
  }
}
