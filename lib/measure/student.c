/* SPDX-License-Identifier: MIT */
#include "measure/student.h"

#include <math.h>

#define TINY 1e-300

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's
 * method. */
static double beta_fraction(double a, double b, double x) {
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double value = d;
    for (int m = 1; m < 1000; m++) {
        const double factors[] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                  -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + factors[i] * d;
            c = 1 + factors[i] / c;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            c = fabs(c) < TINY ? TINY : c;
            change = d * c;
            value *= change;
        }
        if (fabs(change - 1) < 1e-15)
            break;
    }
    return value;
}

/* The regularised incomplete beta function. */
static double beta(double a, double b, double x) {
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double hsp_student_probability(double t, double freedom) {
    if (isinf(freedom))
        return 0.5 * erfc(-t / sqrt(2));
    double tail = 0.5 * beta(freedom / 2, 0.5, freedom / (freedom + t * t));
    return t > 0 ? 1 - tail : tail;
}

double hsp_student_quantile(double probability, double freedom) {
    if (probability < 0.5)
        return -hsp_student_quantile(1 - probability, freedom);
    double low = 0;
    double high = 1;
    while (hsp_student_probability(high, freedom) < probability && high < 1e15)
        high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-12 * high; i++) {
        double middle = low + (high - low) / 2;
        if (hsp_student_probability(middle, freedom) < probability)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}
