/* SPDX-License-Identifier: MIT */
/* C++ in target regions: templates, lambdas, members, virtual calls of objects made on the device,
 * static members, and the maths of <cmath>. */
#include "omp_e2e.h"
#include <cmath>
#include <vector>

#pragma omp declare target
struct shape {
    virtual double area() const {
        return -1;
    }
};
struct square : shape {
    double side;
    explicit square(double s) : side(s) {}
    double area() const override {
        return side * side;
    }
};
struct disc : shape {
    double radius;
    explicit disc(double r) : radius(r) {}
    double area() const override {
        return 3 * radius * radius;
    }
};
template <typename T> T larger(T a, T b) {
    return a > b ? a : b;
}
#pragma omp end declare target

template <typename T> static T sum_of_squares(const std::vector<T> &values) {
    const T *data = values.data();
    const size_t count = values.size();
    T sum = 0;
#pragma omp target teams distribute parallel for map(to : data[0:count]) map(tofrom : sum)         \
    reduction(+ : sum)
    for (size_t i = 0; i < count; i++)
        sum += data[i] * data[i];
    return sum;
}

static void templates() {
    std::vector<int> whole;
    std::vector<double> real;
    for (int i = 0; i < 100; i++) {
        whole.push_back(i);
        real.push_back(i * 0.5);
    }
    OMP_CHECK(sum_of_squares(whole) == 328350);
    OMP_CHECK(sum_of_squares(real) == 328350 * 0.25);
}

static void lambdas() {
    int out[64], factor = 3;
    auto scale = [factor](int x) { return x * factor; };
#pragma omp target teams distribute parallel for map(from : out) map(to : scale)
    for (int i = 0; i < 64; i++)
        out[i] = larger(scale(i), 30);
    OMP_CHECK(out[5] == 30 && out[63] == 189);
}

static void virtual_calls() {
    double areas[2] = {0, 0};
#pragma omp target map(from : areas)
    {
        square s(4);
        disc d(2);
        const shape *shapes[2] = {&s, &d};
        for (int i = 0; i < 2; i++)
            areas[i] = shapes[i]->area();
    }
    OMP_CHECK(areas[0] == 16 && areas[1] == 12);
}

class histogram {
  public:
    void count(const unsigned *values, int length) {
#pragma omp target teams distribute parallel for map(tofrom : bins_) map(to : values [0:length])
        for (int i = 0; i < length; i++) {
#pragma omp atomic
            bins_[values[i] % 16]++;
        }
    }
    int bin(int i) const {
        return bins_[i];
    }

  private:
    int bins_[16] = {};
};

static void members() {
    unsigned values[1024];
    for (unsigned i = 0; i < 1024; i++)
        values[i] = i * 7;
    histogram h;
    h.count(values, 1024);
    for (int i = 0; i < 16; i++)
        OMP_CHECK(h.bin(i) == 64);
}

static void maths() {
    enum { N = 64 };
    double in[N], out[N][6];
    for (int i = 0; i < N; i++)
        in[i] = 0.1 + i * 0.3;
#pragma omp target teams distribute parallel for map(to : in) map(from : out)
    for (int i = 0; i < N; i++) {
        out[i][0] = std::sqrt(in[i]);
        out[i][1] = std::sin(in[i]);
        out[i][2] = std::exp(-in[i]);
        out[i][3] = std::log(in[i]);
        out[i][4] = std::pow(in[i], 1.5);
        out[i][5] = std::fma(in[i], in[i], -1.0);
    }
    for (int i = 0; i < N; i++) {
        const double x = in[i];
        const double wanted[6] = {std::sqrt(x), std::sin(x),      std::exp(-x),
                                  std::log(x),  std::pow(x, 1.5), std::fma(x, x, -1.0)};
        for (int k = 0; k < 6; k++)
            OMP_CHECK(std::fabs(out[i][k] - wanted[k]) <= 1e-13 * (1 + std::fabs(wanted[k])));
    }
}

int main() {
    omp_need_device();
    templates();
    lambdas();
    virtual_calls();
    members();
    maths();
    omp_finish();
}
