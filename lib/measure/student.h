/* SPDX-License-Identifier: MIT */
/// Student's t distribution. Pure functions, exact to 1e-9.
#ifndef HSP_MEASURE_STUDENT_H
#define HSP_MEASURE_STUDENT_H

/// P(T <= t) with `freedom` > 0 degrees of freedom (need not be whole; INFINITY: the normal).
double hsp_student_probability(double t, double freedom);
/// The t with P(T <= t) = probability, for a probability in (0, 1).
double hsp_student_quantile(double probability, double freedom);

#endif
