/* Reads a LINDI file as a page does that shows it: by ranges of bytes, from the first 1,536 on.

Written from the layout of such files, and of the formats in them, for the tests alone.

A LINDI tar begins with `.tar_entry.json`, of 1,024 bytes, which says where `.tar_index.json` is.
That says of each member of the tar where its data begins (`d`) and how long it is (`s`). The
member `lindi.json` has everything but the large chunks of arrays: `refs` gives, by the keys of
Zarr 2, JSON, or text (after `base64:`, bytes), or [file, offset, length] of bytes elsewhere. */

const FIRST_BYTES = 1536
const TAR_BLOCK_BYTES = 512

const asText = bytes => new TextDecoder().decode(bytes)
const asJson = value => typeof value === "string" ? JSON.parse(value) : value

async function readRange(url, start, end) {
    const headers = {Range: `bytes=${start}-${end - 1}`}
    const reply = await fetch(url, {headers, cache: "no-store"})
    const bytes = new Uint8Array(await reply.arrayBuffer())
    const said = reply.headers.get("Content-Range") ?? "none that a page may see"
    const isClipped = start === 0 && bytes.length < end
    if (reply.status !== 206 || !said.startsWith(`bytes ${start}-${start + bytes.length - 1}/`)
        || !(bytes.length === end - start || isClipped)) {
        throw new Error(`${url}: ${reply.status}, Content-Range: ${said}, ${bytes.length} bytes`)
    }
    return bytes
}

class LindiTar {
    static async open(url) {
        const tar = new LindiTar()
        tar.url = url
        const entry = JSON.parse(asText((await readRange(url, 0, FIRST_BYTES)).slice(TAR_BLOCK_BYTES)))
        const index = JSON.parse(asText(await tar.member(entry.index)))
        tar.places = Object.fromEntries(index.files.map(each => [each.n, each]))
        tar.refs = JSON.parse(asText(await tar.member(tar.places["lindi.json"]))).refs
        return tar
    }

    member({d, s}) {
        return readRange(this.url, d, d + s)
    }

    names() {
        return Object.keys(this.refs).filter(key => key.endsWith("/.zarray")).map(key => key.slice(0, -8))
    }

    attributes(name) {
        return asJson(this.refs[name ? `${name}/.zattrs` : ".zattrs"] ?? {})
    }

    /* The bytes of a chunk as they are stored; null for one that is not. */
    async packedChunk(key) {
        const value = this.refs[key]
        if (value === undefined) return null
        if (Array.isArray(value)) {
            const [file, offset, length] = value
            if (!file.startsWith("./")) return readRange(file, offset, offset + length)
            const start = this.places[file.slice(2)].d + offset
            return readRange(this.url, start, start + length)
        }
        if (!value.startsWith("base64:")) return new TextEncoder().encode(value)
        return Uint8Array.from(atob(value.slice(7)), char => char.charCodeAt(0))
    }

    /* Shape, type and content of an array: bytes in the order of C, or the texts of one of texts. */
    async array(name) {
        const about = asJson(this.refs[`${name}/.zarray`])
        const isJson = about.dtype === "|O"
        const itemBytes = isJson ? 0 : sizeOf(about.dtype)
        const counts = about.shape.map((size, axis) => Math.ceil(size / about.chunks[axis]))
        const whole = new Uint8Array(product(about.shape) * itemBytes)
        let texts = null
        for (const place of indices(counts)) {
            const packed = await this.packedChunk(`${name}/${place.join(".")}`)
            if (packed === null) {
                if (about.fill_value) throw new Error(`${name}: fill value ${about.fill_value}`)
                continue
            }
            const chunk = await unpacked(packed, about)
            // After the items, the codec json2 has their type and shape.
            if (isJson) texts = [...(texts ?? []), ...JSON.parse(asText(chunk)).slice(0, -2)]
            else paste(chunk, whole, place, about, itemBytes)
        }
        if (about.dtype.startsWith("<U")) texts = textsOf(whole, itemBytes)
        return {...about, bytes: whole, texts}
    }
}

const product = sizes => sizes.reduce((all, size) => all * size, 1)

function sizeOf(dtype) {
    return Number(dtype.slice(2)) * (dtype[1] === "U" ? 4 : 1)
}

/* All places in a grid, the last index changing fastest. */
function* indices(counts) {
    const total = product(counts)
    for (let number = 0; number < total; number++) {
        let rest = number
        yield [...counts].reverse().map(count => {
            const index = rest % count
            rest = (rest - index) / count
            return index
        }).reverse()
    }
}

/* Copies a chunk to where it belongs, without what is beyond the ends of the array. */
function paste(chunk, whole, place, {shape, chunks}, itemBytes) {
    const last = shape.length - 1
    const start = place.map((number, axis) => number * chunks[axis])
    const length = chunks.map((size, axis) => Math.min(size, shape[axis] - start[axis]))
    for (const row of indices(length.slice(0, last))) {
        let from = 0, to = 0
        for (let axis = 0; axis <= last; axis++) {
            from = from * chunks[axis] + (axis < last ? row[axis] : 0)
            to = to * shape[axis] + start[axis] + (axis < last ? row[axis] : 0)
        }
        whole.set(chunk.subarray(from * itemBytes, (from + length[last]) * itemBytes), to * itemBytes)
    }
}

/* The texts in an array of UCS-4, which are filled up with zeros. */
function textsOf(bytes, itemBytes) {
    const codes = new Uint32Array(bytes.buffer)
    const texts = []
    for (let at = 0; at < codes.length; at += itemBytes / 4) {
        const item = Array.from(codes.subarray(at, at + itemBytes / 4)).filter(code => code > 0)
        texts.push(item.map(code => String.fromCodePoint(code)).join(""))
    }
    return texts
}

/* What a test compares: of each array its shape and type, and the digest of its bytes or its texts.
Numbers that were packed with loss are summed up: they are equal only to some digits. */
async function everythingIn(url) {
    const tar = await LindiTar.open(url)
    const found = {}
    for (const name of tar.names()) {
        const {shape, dtype, compressor, bytes, texts} = await tar.array(name)
        found[name] = {shape, dtype, compressor: compressor?.id ?? null}
        if (texts !== null) found[name].texts = texts
        else if (compressor?.id === "qfc") found[name].summary = summary(bytes, shape)
        else found[name].sha256 = await sha256(bytes)
    }
    return {arrays: found, attributes: tar.attributes("")}
}

function summary(bytes, [numRows, numColumns]) {
    const values = new Float32Array(bytes.buffer)
    const means = new Array(numColumns).fill(0)
    let min = Infinity
    for (let at = 0; at < values.length; at++) {
        means[at % numColumns] += values[at] / numRows
        if (values[at] < min) min = values[at]
    }
    return {min, means}
}

async function sha256(bytes) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
    return Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("")
}
