// onnxruntime behind the protocol of process.go: one JSON request a line on
// standard input, one JSON answer a line on standard output.
const readline = require('readline')
const ort = require('onnxruntime-node')
const { version } = require('onnxruntime-node/package.json')

const OUTPUT = 'sentence_embedding'

let session
const inputs = new Map() // by name: one set of tensors for each batch

// tensors pads a batch to its longest sentence.
function tensors (batch) {
  const rows = batch.length
  const longest = Math.max(...batch.map(ids => ids.length))
  const tensor = cell => {
    const data = new BigInt64Array(rows * longest)
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < batch[r].length; c++) data[r * longest + c] = BigInt(cell(r, c))
    }
    return new ort.Tensor('int64', data, [rows, longest])
  }
  const feeds = {
    input_ids: tensor((r, c) => batch[r][c]),
    attention_mask: tensor(() => 1)
  }
  if (session.inputNames.includes('token_type_ids')) feeds.token_type_ids = tensor(() => 0)
  return feeds
}

const actions = {
  async load ({ model, threads }) {
    session = await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3
    })
    return { engine: `onnxruntime-node ${version}, node ${process.versions.node}` }
  },

  async put ({ name, batches }) {
    inputs.set(name, batches.map(tensors))
    return {}
  },

  async encode ({ name }) {
    const parts = []
    let dims = 0
    for (const feeds of inputs.get(name)) {
      const out = (await session.run(feeds, [OUTPUT]))[OUTPUT]
      dims = out.dims[1]
      parts.push(Buffer.from(out.data.buffer, out.data.byteOffset, out.data.byteLength))
    }
    return { dims, vectors: Buffer.concat(parts).toString('base64') }
  },

  async time ({ name, count }) {
    const batches = inputs.get(name)
    const start = process.hrtime.bigint()
    for (let i = 0; i < count; i++) {
      for (const feeds of batches) await session.run(feeds, [OUTPUT])
    }
    return { seconds: Number(process.hrtime.bigint() - start) / 1e9 }
  }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    let answer
    try {
      answer = await actions[request.do](request)
    } catch (err) {
      answer = { error: String(err) }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}

main()
