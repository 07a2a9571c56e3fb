# One image for all four processes: which one, the command says (`web` by default).
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY directives directives
COPY supabase supabase
COPY execution execution
COPY keeper keeper
COPY web web
RUN useradd --system keeper
USER keeper
ENV PORT=8000 PYTHONUNBUFFERED=1
EXPOSE 8000
# python -m execution migrate | worker | clock
CMD ["python", "-m", "web"]
