// softmax with its gradient, and layer_norm, in float32: a program that speaks assay's protocol with the standard
// library alone, on a machine whose numbers are little-endian.
//
//     g++ -std=c++17 -O2 -o rows rows.cpp && assay run exec:./rows

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

// ---- JSON, as much of it as the messages for these functions hold ----

struct Json {
    std::string text;
    double number = 0;
    std::vector<Json> list;
    std::map<std::string, Json> fields;
};

struct Reader {
    const char* at;

    char next() {
        while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') ++at;
        return *at;
    }

    std::string text() {  // \uXXXX is left as it is: no name in these messages has it
        std::string found;
        for (++at; *at && *at != '"'; ++at) found += *at == '\\' ? *++at : *at;
        ++at;
        return found;
    }

    Json value() {
        Json json;
        const char first = next();
        if (first == '{' || first == '[') {
            for (++at; next() != '}' && *at != ']';) {
                if (*at == ',') {
                    ++at;
                } else if (first == '[') {
                    json.list.push_back(value());
                } else {
                    const std::string name = text();
                    if (next() != ':') throw std::runtime_error("no JSON");
                    ++at;
                    json.fields[name] = value();
                }
            }
            ++at;
        } else if (first == '"') {
            json.text = text();
        } else if (first == 't' || first == 'f' || first == 'n') {  // true is 1; false and null are 0
            json.number = first == 't';
            at += first == 'f' ? 5 : 4;
        } else {
            char* end = nullptr;
            json.number = std::strtod(at, &end);
            if (end == at) throw std::runtime_error("no JSON");
            at = end;
        }
        return json;
    }
};

Json parse(const std::string& text) { return Reader{text.c_str()}.value(); }

// ---- Messages ----

struct Tensor {
    std::vector<int64_t> shape;
    std::vector<float> values;
};

using Tensors = std::map<std::string, Tensor>;

bool receive(std::string& header, std::string& block) {
    char lengths[12];
    if (!std::cin.read(lengths, 12)) return false;  // standard input has ended: so does the program
    uint32_t of_header;
    uint64_t of_block;
    std::memcpy(&of_header, lengths, 4);
    std::memcpy(&of_block, lengths + 4, 8);
    header.resize(of_header);
    block.resize(of_block);
    return std::cin.read(&header[0], of_header) && std::cin.read(&block[0], of_block);
}

void send(const std::string& header, const std::string& block = "") {
    const uint32_t of_header = header.size();
    const uint64_t of_block = block.size();
    std::cout.write(reinterpret_cast<const char*>(&of_header), 4);
    std::cout.write(reinterpret_cast<const char*>(&of_block), 8);
    std::cout << header << block << std::flush;
}

Tensors tensors_in(const std::string& block) {
    Tensors found;
    if (block.empty()) return found;
    uint64_t of_index;
    std::memcpy(&of_index, block.data(), 8);
    for (const auto& [name, entry] : parse(block.substr(8, of_index)).fields) {
        if (name == "__metadata__") continue;
        Tensor& tensor = found[name];
        for (const Json& size : entry.fields.at("shape").list) tensor.shape.push_back(size.number);
        const auto& offsets = entry.fields.at("data_offsets").list;
        const size_t begin = offsets[0].number, end = offsets[1].number;
        tensor.values.resize((end - begin) / sizeof(float));
        std::copy_n(block.data() + 8 + of_index + begin, end - begin, reinterpret_cast<char*>(tensor.values.data()));
    }
    return found;
}

std::string block_of(const std::string& name, const Tensor& tensor) {
    const std::string bytes(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
    std::string shape;
    for (int64_t size : tensor.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    const std::string index = "{\"" + name + "\": {\"dtype\": \"F32\", \"shape\": [" + shape +
                              "], \"data_offsets\": [0, " + std::to_string(bytes.size()) + "]}}";
    const uint64_t of_index = index.size();
    return std::string(reinterpret_cast<const char*>(&of_index), 8) + index + bytes;
}

// ---- What is judged ----

Tensor softmax(Tensor x) {
    const size_t n = x.shape.back();
    for (size_t row = 0; row < x.values.size(); row += n) {
        float* v = &x.values[row];
        float largest = -std::numeric_limits<float>::infinity();
        double sum = 0;
        for (size_t j = 0; j < n; ++j) largest = std::max(largest, v[j]);
        for (size_t j = 0; j < n; ++j) sum += std::exp(double(v[j]) - largest);
        for (size_t j = 0; j < n; ++j) v[j] = std::exp(double(v[j]) - largest) / sum;
    }
    return x;
}

Tensor softmax_gradient(const Tensor& x, const Tensor& cotangent) {
    Tensor p = softmax(x);
    const size_t n = x.shape.back();
    for (size_t row = 0; row < p.values.size(); row += n) {
        double along = 0;
        for (size_t k = row; k < row + n; ++k) along += double(p.values[k]) * cotangent.values[k];
        for (size_t k = row; k < row + n; ++k) p.values[k] *= cotangent.values[k] - along;
    }
    return p;
}

Tensor layer_norm(Tensor x, const Tensor& gain, const Tensor& bias, double epsilon) {
    const size_t d = x.shape.back();
    for (size_t row = 0; row < x.values.size(); row += d) {
        float* v = &x.values[row];
        double mean = 0, variance = 0;
        for (size_t j = 0; j < d; ++j) mean += v[j] / double(d);
        for (size_t j = 0; j < d; ++j) variance += (v[j] - mean) * (v[j] - mean) / d;
        const double scale = 1 / std::sqrt(variance + epsilon);
        for (size_t j = 0; j < d; ++j) v[j] = (v[j] - mean) * scale * gain.values[j] + bias.values[j];
    }
    return x;
}

std::string answer(const Json& request, const Tensors& given, std::string& reply) {
    const std::string function = request.fields.at("function").text;
    const bool gradient = request.fields.at("request").text == "gradient";
    const auto& options = request.fields.at("options").fields;
    const auto epsilon = options.find("epsilon");
    reply = "\"ok\"";
    if (function == "softmax" && gradient) return block_of("x", softmax_gradient(given.at("x"), given.at("cotangent")));
    if (function == "softmax") return block_of("result", softmax(given.at("x")));
    if (function == "layer_norm" && !gradient)
        return block_of("result", layer_norm(given.at("x"), given.at("gain"), given.at("bias"),
                                             epsilon == options.end() ? 1e-5 : epsilon->second.number));
    reply = "\"unsupported\", \"message\": \"it has no such function\"";
    return "";
}

int main() {
    send(R"({"reply": "offer", "protocol": 1, "name": "rows", "package": "rows.cpp", "version": "1.0", "device": "cpu",
             "functions": ["softmax", "layer_norm"], "gradients": ["softmax"], "dtypes": ["float32"]})");
    for (std::string header, block, reply; receive(header, block);) {
        const Json request = parse(header);
        const std::string result = answer(request, tensors_in(block), reply);
        const int64_t id = request.fields.at("id").number;
        send("{\"id\": " + std::to_string(id) + ", \"reply\": " + reply + "}", result);
    }
}
