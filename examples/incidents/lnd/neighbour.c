// neighbour: another tenant of the same CPU, always busy.
int main(void) {
  volatile unsigned long turns = 0;
  for (;;) turns++;
}
