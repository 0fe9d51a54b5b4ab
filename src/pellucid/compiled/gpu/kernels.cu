// GPU copies of the formulas that pellucid.layers, losses and optimizers define; fused.py launches them,
// and tests/compiled/gpu/test_fused.py compares them with the plain layers. kernels.py prepends
// definitions of the types T of the network, X of the data, S of scale and shift, L of the labels; the
// numbers of activations and losses (RELU, ...); CHUNK, the rows that one thread adds up.
//
// A thread computes entry i of n, and threads share nothing, so the tests can compile the kernels for the
// processor and run the threads one after the other. Matrices are stored row by row; r is a row, j a column.
// Comparisons with NaN are false, and each formula is written so that NaN then stays NaN.

#define KERNEL extern "C" __global__ void
#define DEVICE static __device__
#define ENTRY(i) unsigned i = blockIdx.x * blockDim.x + threadIdx.x; if (i >= n) return

// out = scale x + shift, with a scale and a shift per column, for the rows of x in `rows` from `first` on.
KERNEL rescale(const X *x, const long long *rows, const S *scale, const S *shift, T *out,
               unsigned first, unsigned width, unsigned n) {
    ENTRY(i);
    unsigned j = i % width;
    out[i] = x[rows[first + i / width] * width + j] * scale[j] + shift[j];
}

// ------------------------------------------------------------------------------------------------ layers

DEVICE T activation_of(T z, unsigned activation, T slope) {
    switch (activation) {
        case RELU: return z < 0 ? 0 : z;
        case LEAKY_RELU: return z < 0 ? slope * z : z;
        case SIGMOID: return 1 / (1 + exp(-z));
        case TANH: return tanh(z);
        default: return z;
    }
}

DEVICE T derivative_by(T y, unsigned activation, T slope) {
    switch (activation) {
        case RELU: return y > 0 ? 1 : 0;
        case LEAKY_RELU: return y > 0 ? 1 : slope;
        case SIGMOID: return y * (1 - y);
        case TANH: return 1 - y * y;
        default: return 1;
    }
}

// y = f(y + b), in place: the bias and the activation after a product.
KERNEL activate(const T *b, T *y, unsigned width, unsigned activation, T slope, unsigned n) {
    ENTRY(i);
    y[i] = activation_of(y[i] + b[i % width], activation, slope);
}

// out = x m / (1 - p), where scale is 1 / (1 - p). A mask of one row is used for all rows.
KERNEL drop(const T *x, const bool *mask, T *out, unsigned mask_size, T scale, unsigned n) {
    ENTRY(i);
    out[i] = x[i] * (mask[i % mask_size] ? scale : 0);
}

template <class V> DEVICE V sum_of_chunk(const V *x, unsigned i, unsigned rows, unsigned width) {
    unsigned j = i % width, first = i / width * CHUNK, last = min(first + CHUNK, rows);
    V sum = 0;
    for (unsigned r = first; r < last; r++) sum += x[r * width + j];
    return sum;
}

// Add up each CHUNK of rows. Repeated until one row is left, this sums all rows in a fixed order.
KERNEL sum_rows(const T *x, T *sums, unsigned rows, unsigned width, unsigned n) {
    ENTRY(i);
    sums[i] = sum_of_chunk(x, i, rows, width);
}

KERNEL sum_doubles(const double *x, double *sums, unsigned rows, unsigned width, unsigned n) {
    ENTRY(i);
    sums[i] = sum_of_chunk(x, i, rows, width);
}

// dy = dy f'(y), in place, and the first stage of its sums over rows, which become db.
KERNEL derive(const T *y, T *dy, T *sums, unsigned rows, unsigned width, unsigned activation, T slope,
              unsigned n) {
    ENTRY(i);
    unsigned j = i % width, first = i / width * CHUNK, last = min(first + CHUNK, rows);
    T sum = 0;
    for (unsigned r = first; r < last; r++)
        sum += dy[r * width + j] *= derivative_by(y[r * width + j], activation, slope);
    sums[i] = sum;
}

// ------------------------------------------------------------------------------------------------ losses
// Each returns the loss of a row of outputs z, and fills dy with the gradient with respect to z.

// Label smoothing spreads a share of the target over the classes. A single output stands for class 1 of two.
DEVICE T target(unsigned label, unsigned j, unsigned width, T share) {
    return (label == (width == 1 ? 1 : j) ? 1 - share : 0) + share / (width == 1 ? 2 : width);
}

DEVICE unsigned predicted(const T *z, unsigned width, T threshold) {
    if (width == 1) return z[0] > threshold;
    unsigned best = 0;
    for (unsigned j = 1; j < width; j++)
        if (z[j] > z[best]) best = j;
    return best;
}

DEVICE T softmax_cross_entropy(const T *z, unsigned label, T share, T *dy, unsigned width) {
    T largest = z[predicted(z, width, 0)], total = 0, z_t = (1 - share) * (z[label] - largest);
    for (unsigned j = 0; share > 0 && j < width; j++) z_t += share / width * (z[j] - largest);
    for (unsigned j = 0; j < width; j++) total += dy[j] = exp(z[j] - largest);
    for (unsigned j = 0; j < width; j++) dy[j] = dy[j] / total - target(label, j, width, share);
    return log(total) - z_t;
}

DEVICE T sigmoid_cross_entropy(const T *z, unsigned label, T share, T *dy, unsigned width) {
    T value = 0;
    for (unsigned j = 0; j < width; j++) {
        T t = target(label, j, width, share), e = exp(-fabs(z[j]));
        value += (z[j] < 0 ? 0 : z[j]) - z[j] * t + log1p(e);
        dy[j] = (z[j] < 0 ? e : 1) / (1 + e) - t;
    }
    return value;
}

DEVICE T mean_squared_error(const T *z, unsigned label, T share, T *dy, unsigned width) {
    T value = 0;
    for (unsigned j = 0; j < width; j++) {
        dy[j] = z[j] - target(label, j, width, share);
        value += dy[j] * dy[j] / 2;
    }
    return value;
}

// A thread computes a row of a batch. Gradient and loss are divided by the number of rows in the batch, so
// that sums over rows are means. `table` has a row per row of the batch and two columns for each step: first
// the losses of all steps, then whether the row is classified correctly in each step. `place` is the index of
// the loss of row 0 in this step.
KERNEL losses(const T *outputs, const L *labels, T *gradient, double *table, unsigned first, unsigned width,
              unsigned loss, T threshold, T share, unsigned batch, unsigned place, unsigned steps,
              unsigned n) {
    ENTRY(i);
    const T *z = outputs + i * width;
    T *dy = gradient + i * width;
    unsigned label = labels[first + i];
    T value = loss == SOFTMAX_CROSS_ENTROPY   ? softmax_cross_entropy(z, label, share, dy, width)
              : loss == SIGMOID_CROSS_ENTROPY ? sigmoid_cross_entropy(z, label, share, dy, width)
                                              : mean_squared_error(z, label, share, dy, width);
    for (unsigned j = 0; j < width; j++) dy[j] /= batch;
    table[place + i * 2 * steps] = value / batch;
    table[place + i * 2 * steps + steps] = predicted(z, width, threshold) == label;
}

// -------------------------------------------------------------------------------------------- optimizers
// One pass over theta. Weight decay acts on the first n_weights entries.

DEVICE T with_decay(T g, T theta, T decay, bool is_weight) { return is_weight ? g + decay * theta : g; }

KERNEL sgd(T *theta, const T *grad, T rate, T decay, unsigned n_weights, unsigned n) {
    ENTRY(i);
    theta[i] -= rate * with_decay(grad[i], theta[i], decay, i < n_weights);
}

KERNEL momentum(T *theta, const T *grad, T rate, T decay, unsigned n_weights, T *v, T mu, unsigned n) {
    ENTRY(i);
    v[i] = mu * v[i] + with_decay(grad[i], theta[i], decay, i < n_weights);
    theta[i] -= rate * v[i];
}

KERNEL nesterov(T *theta, const T *grad, T rate, T decay, unsigned n_weights, T *v, T mu, unsigned n) {
    ENTRY(i);
    T g = with_decay(grad[i], theta[i], decay, i < n_weights);
    v[i] = mu * v[i] + g;
    theta[i] -= rate * (g + mu * v[i]);
}

// rest_1 is 1 - beta_1, rest_2 is 1 - beta_2. rate and root include the bias corrections of m and of sqrt(v).
KERNEL adam(T *theta, const T *grad, T rate, T decay, unsigned n_weights, T *m, T *v, T beta_1, T rest_1,
            T beta_2, T rest_2, T root, T epsilon, unsigned n) {
    ENTRY(i);
    T g = with_decay(grad[i], theta[i], decay, i < n_weights);
    m[i] = beta_1 * m[i] + rest_1 * g;
    v[i] = beta_2 * v[i] + rest_2 * g * g;
    theta[i] -= rate * m[i] / (sqrt(v[i]) * root + epsilon);
}
