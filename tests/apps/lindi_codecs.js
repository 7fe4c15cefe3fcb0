/* The formats in which the chunks of a LINDI file are packed: gzip and zlib, by the browser; HDF5's
shuffle; blosc with LZ4; and Neurosift's qfc. */

/* A chunk as the array has it: what was done to it last is undone first. */
async function unpacked(chunk, {compressor, filters}) {
    const steps = [...(filters ?? []), ...(compressor ? [compressor] : [])].reverse()
    for (const step of steps) {
        const undo = CODECS[step.id]
        if (undo === undefined) throw new Error(`Nothing is known of the codec ${step.id}`)
        chunk = await undo(chunk, step)
    }
    return chunk
}

const CODECS = {
    gzip: chunk => inflated(chunk, "gzip"),
    zlib: chunk => inflated(chunk, "deflate"),
    shuffle: (chunk, {elementsize}) => unshuffled(chunk, elementsize),
    json2: chunk => chunk,
    blosc: chunk => unblosced(chunk),
}

async function inflated(chunk, format) {
    const stream = new Blob([chunk]).stream().pipeThrough(new DecompressionStream(format))
    return new Uint8Array(await new Response(stream).arrayBuffer())
}

/* Bytes that were put together by their place in an item, item by item again. */
function unshuffled(shuffled, itemBytes) {
    const items = Math.floor(shuffled.length / itemBytes)
    const whole = shuffled.slice()
    for (let byte = 0; byte < itemBytes; byte++) {
        for (let item = 0; item < items; item++) {
            whole[item * itemBytes + byte] = shuffled[byte * items + item]
        }
    }
    return whole
}

/* Blosc 1: https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst */
const BLOSC_HEADER_BYTES = 16
const SHUFFLED = 0x01, COPIED = 0x02, BIT_SHUFFLED = 0x04, NOT_SPLIT = 0x10
const LZ4 = 1
const LEAST_SPLIT_BYTES = 128

function unblosced(chunk) {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const int = at => view.getInt32(at, true)
    const flags = chunk[2], itemBytes = chunk[3], size = int(4), blockBytes = int(8)
    if (flags & COPIED) return chunk.slice(BLOSC_HEADER_BYTES, BLOSC_HEADER_BYTES + size)
    if (flags >> 5 !== LZ4 || flags & BIT_SHUFFLED) throw new Error(`blosc with flags ${flags}`)
    const whole = new Uint8Array(size)
    for (let start = 0, block = 0; start < size; start += blockBytes, block++) {
        const length = Math.min(blockBytes, size - start)
        const isSplit = !(flags & NOT_SPLIT) && length === blockBytes && itemBytes <= 16
            && blockBytes / itemBytes >= LEAST_SPLIT_BYTES
        const parts = isSplit ? itemBytes : 1
        const found = new Uint8Array(length)
        let at = int(BLOSC_HEADER_BYTES + 4 * block)
        for (let part = 0; part < parts; part++) {
            const partBytes = length / parts, packedBytes = int(at)
            const packed = chunk.subarray(at + 4, at + 4 + packedBytes)
            found.set(packedBytes === partBytes ? packed : unlz4(packed, partBytes), part * partBytes)
            at += 4 + packedBytes
        }
        whole.set(flags & SHUFFLED && itemBytes > 1 ? unshuffled(found, itemBytes) : found, start)
    }
    return whole
}

/* One block: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
function unlz4(packed, size) {
    const whole = new Uint8Array(size)
    let from = 0, to = 0
    const longer = length => {
        if (length < 15) return length
        let more
        do {
            more = packed[from++]
            length += more
        } while (more === 255)
        return length
    }
    while (from < packed.length) {
        const token = packed[from++]
        const literals = longer(token >> 4)
        whole.set(packed.subarray(from, from + literals), to)
        from += literals
        to += literals
        if (from >= packed.length) break
        const distance = packed[from] | packed[from + 1] << 8
        from += 2
        for (let left = longer(token & 15) + 4; left > 0; left--, to++) whole[to] = whole[to - distance]
    }
    if (to !== size) throw new Error(`LZ4 gave ${to} bytes instead of ${size}`)
    return whole
}

/* Rounded Fourier coefficients of segments of frames; a scale factor stands in the codec alone. */
const QFC_MARK = 7364182
const QFC_HEADER_BYTES = 20

CODECS.qfc = async (chunk, {quant_scale_factor: scale}) => {
    const [mark, version, numFrames, numChannels, length] = new Int32Array(
        chunk.slice(0, QFC_HEADER_BYTES).buffer)
    if (mark !== QFC_MARK || version !== 1) throw new Error("This is no chunk of qfc")
    const rounded = new Int16Array(
        (await inflated(chunk.subarray(QFC_HEADER_BYTES), "deflate")).buffer)
    const traces = new Float32Array(numFrames * numChannels)
    for (const [start, end] of qfcSegments(numFrames, length)) {
        for (let channel = 0; channel < numChannels; channel++) {
            const at = frame => (start + frame) * numChannels + channel
            const values = Float64Array.from({length: end - start}, (_, k) => rounded[at(k)] / scale)
            qfcTrace(values).forEach((value, frame) => { traces[at(frame)] = value })
        }
    }
    return new Uint8Array(traces.buffer)
}

function qfcSegments(numFrames, length) {
    if (length <= 0 || length >= numFrames) return [[0, numFrames]]
    const starts = []
    for (let start = 0; start < numFrames; start += length) starts.push(start)
    const last = starts.length - 1
    starts[last] = Math.min(starts[last], numFrames - Math.floor(length / 2))
    return starts.map((start, number) => [start, starts[number + 1] ?? numFrames])
}

/* The trace whose coefficients are these: real parts of all frequencies, then the imaginary ones. */
function qfcTrace(values) {
    const n = values.length, half = Math.floor(n / 2) + 1
    const re = new Float64Array(n), im = new Float64Array(n)
    for (let k = 0; k < half; k++) {
        re[k] = re[(n - k) % n] = values[k]
        if (k > 0 && half + k - 1 < n) {
            im[k] = values[half + k - 1]
            im[n - k] = -im[k]
        }
    }
    return fourier(re, im).map(value => value / Math.sqrt(n))
}

const WAVES = new Map()

/* Cosine and sine of 2 pi t / n, for each t. */
function wave(n) {
    if (!WAVES.has(n)) {
        const angles = Float64Array.from({length: n}, (_, t) => 2 * Math.PI * t / n)
        WAVES.set(n, [angles.map(Math.cos), angles.map(Math.sin)])
    }
    return WAVES.get(n)
}

/* The real part of the sum over k of X[k] exp(2 pi i k t / n), for each t. */
function fourier(re, im) {
    const [cos, sin] = wave(re.length)

    // The sum over each `step`-th k from `first` on, as two arrays.
    const sums = (first, step) => {
        const n = re.length / step
        if (n === 1) return [[re[first]], [im[first]]]
        let p = 2
        while (n % p) p++
        const m = n / p
        const sumRe = new Float64Array(n), sumIm = new Float64Array(n)
        for (let r = 0; r < p; r++) {
            const [partRe, partIm] = sums(first + r * step, step * p)
            for (let t = 0; t < n; t++) {
                const at = r * t % n * step, part = t % m
                sumRe[t] += partRe[part] * cos[at] - partIm[part] * sin[at]
                sumIm[t] += partRe[part] * sin[at] + partIm[part] * cos[at]
            }
        }
        return [sumRe, sumIm]
    }
    return sums(0, 1)[0]
}
