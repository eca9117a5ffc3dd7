// Runs an ONNX file in onnxruntime: a fixture (ids, types) comes as JSON on
// standard input, its vectors go to standard output.
//
//	node run.js model.onnx < fixture.json
const fs = require('fs')
const ort = require('onnxruntime-node')
const { version } = require('onnxruntime-node/package.json')

async function main () {
  const fixture = JSON.parse(fs.readFileSync(0, 'utf8'))
  const session = await ort.InferenceSession.create(process.argv[2], { intraOpNumThreads: 1 })
  const rows = fixture.ids.length
  const longest = Math.max(...fixture.ids.map(ids => ids.length))
  const tensor = cell => {
    const data = new BigInt64Array(rows * longest)
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < fixture.ids[r].length; c++) data[r * longest + c] = BigInt(cell(r, c))
    }
    return new ort.Tensor('int64', data, [rows, longest])
  }
  const feeds = {
    input_ids: tensor((r, c) => fixture.ids[r][c]),
    attention_mask: tensor(() => 1)
  }
  if (session.inputNames.includes('token_type_ids')) {
    feeds.token_type_ids = tensor((r, c) => fixture.types ? fixture.types[r][c] : 0)
  }
  const { sentence_embedding: out } = await session.run(feeds)
  const dims = out.dims[1]
  const vectors = []
  for (let r = 0; r < rows; r++) vectors.push(Array.from(out.data.slice(r * dims, (r + 1) * dims)))
  process.stdout.write(JSON.stringify({ runtime: `onnxruntime-node ${version}`, vectors }))
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
